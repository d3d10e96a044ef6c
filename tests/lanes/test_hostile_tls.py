"""A lane against TLS as it should not be: certificates of others, old ones, and ports that speak plainly."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import trustme

from lanes import LOCAL, WEBHOOKS, ConnectFailed, ExchangeFailed, HttpLane, LaneError, Request
from tests.lanes.hostile import NameServer, Serve, name_server, target
from tests.lanes.hostile_answers import OK, says
from tests.lanes.names import lane_asking

SETTINGS = WEBHOOKS.model_copy(update={"connect_timeout": 0.5, "breaker_failures": 1})
HELLO = says(OK, b"content-length: 2\r\n\r\nok")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server(lambda _: ["127.0.0.1"]) as names:
        yield names


async def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await asyncio.to_thread(certificate.configure_cert, context)
    return context


def lane_trusting(authority: trustme.CA, names: NameServer) -> HttpLane:
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    return lane_asking(names, SETTINGS, LOCAL, tls=context)


async def outcome(lane: HttpLane, url: str) -> int | type[LaneError]:
    try:
        return (await lane.send(Request(method="POST", url=url, deadline=5))).status
    except LaneError as error:
        return type(error)


async def test_a_certificate_of_the_name_is_good_though_the_address_is_pinned(
    authority: trustme.CA, names: NameServer
) -> None:
    tls = await server_side(authority.issue_cert("user.example"))
    async with target(HELLO, tls=tls) as friendly, lane_trusting(authority, names) as lane:
        assert await outcome(lane, f"https://user.example:{friendly.port}/") == 200


@pytest.mark.parametrize(
    "case", ["another name", "its address alone", "expired", "of no authority", "unknown"]
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_certificate_that_is_not_good_is_a_failed_connection(
    case: str, authority: trustme.CA, names: NameServer
) -> None:
    lane = lane_trusting(authority, names)
    match case:
        case "another name":
            certificate = authority.issue_cert("other.example")
        case "its address alone":
            certificate = authority.issue_cert("127.0.0.1")
        case "expired":
            certificate = authority.issue_cert("user.example", not_after=datetime(2020, 1, 1, tzinfo=UTC))
        case "of no authority":
            certificate = trustme.CA().issue_cert("user.example")
        case _:
            certificate = authority.issue_cert("user.example")
            lane = lane_asking(names, SETTINGS, LOCAL)  # with the usual authorities alone
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))

    async with target(serve, tls=await server_side(certificate)) as hostile, lane:
        with pytest.raises(ConnectFailed, match="certificate verify failed"):
            await lane.send(Request(method="POST", url=f"https://user.example:{hostile.port}/", deadline=5))
        assert (breakers := lane.statistics().breakers) is not None
        assert breakers.open == 1
    assert not any(asked)


async def _stays_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _speaks_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(65_536)
    writer.write(OK + b"content-length: 0\r\n\r\n")


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("serve", [_stays_silent, _speaks_plainly, _closes])
async def test_a_port_that_speaks_no_tls_is_a_failed_connection(
    serve: Serve, authority: trustme.CA, names: NameServer
) -> None:
    async with target(serve) as hostile, lane_trusting(authority, names) as lane:
        began = asyncio.get_running_loop().time()
        assert await outcome(lane, f"https://user.example:{hostile.port}/") is ConnectFailed
        assert asyncio.get_running_loop().time() - began < 2
        await hostile.left()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_port_that_speaks_tls_alone_gives_no_answer_to_plain_http(
    authority: trustme.CA, names: NameServer
) -> None:
    tls = await server_side(authority.issue_cert("user.example"))
    async with target(HELLO, tls=tls) as hostile, lane_trusting(authority, names) as lane:
        assert await outcome(lane, f"http://user.example:{hostile.port}/") is ExchangeFailed
