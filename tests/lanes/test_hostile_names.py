"""A lane against names: dead servers, lies, and every address that leads inside, on the whole path."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from lanes import (
    WEBHOOKS,
    ConnectFailed,
    EgressPolicy,
    EgressRefused,
    HttpLane,
    LaneClosed,
    LaneError,
    Request,
    TransportSettings,
    open_transport,
)
from tests.lanes.hostile import name_server, target
from tests.lanes.hostile_answers import OK, says
from tests.lanes.names import lane_asking
from tests.lanes.test_egress import INSIDE

SETTINGS = WEBHOOKS.model_copy(update={"connect_timeout": 0.3, "breaker_failures": 1, "keepalive": 0.0})
STRICT = EgressPolicy(ports=None)
OUTSIDE = EgressPolicy(ports=None, allowed=(IPv4Network("127.0.0.2/32"),))
"""127.0.0.2 stands for a public address; 127.0.0.1 leads inside as ever."""
HELLO = says(OK, b"content-length: 2\r\n\r\nok")

_connects: list[object] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        _connects.append(arguments[1])


sys.addaudithook(_audit)  # for good: a hook cannot be taken away


@pytest.fixture
def connects() -> Iterator[list[object]]:
    """Where a socket was connected to, or tried to be; the name server is asked by other means."""
    _connects.clear()
    yield _connects
    _connects.clear()


async def outcome(lane: HttpLane, url: str) -> int | type[LaneError]:
    try:
        return (await lane.send(Request(method="POST", url=url, deadline=3))).status
    except LaneError as error:
        return type(error)


def phases(lane: HttpLane) -> tuple[int, int]:
    """Breakers closed and open."""
    breakers = lane.statistics().breakers
    assert breakers is not None
    return breakers.closed, breakers.open


async def test_a_name_that_leads_outside_is_reached(connects: list[object]) -> None:
    async with (
        target(HELLO, host="127.0.0.2") as friendly,
        name_server(lambda _: ["127.0.0.2"]) as names,
        lane_asking(names, SETTINGS, OUTSIDE) as lane,
    ):
        assert await outcome(lane, f"http://user.example:{friendly.port}/") == 200
    assert connects == [("127.0.0.2", friendly.port)]


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_that_leads_inside_is_ever_connected_to(
    address: str, connects: list[object]
) -> None:
    literal = f"[{address}]" if ":" in address else address
    async with name_server(lambda _: [address]) as names, lane_asking(names, SETTINGS, STRICT) as lane:
        assert await outcome(lane, f"http://{literal}/") is EgressRefused
        assert await outcome(lane, "http://user.example/") is EgressRefused
        assert names.asked
        assert lane.statistics().lane.in_flight == 0
        assert phases(lane)[1] == 0  # the name is to blame, not the target
    assert connects == []


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.2", "127.0.0.1"],
        ["127.0.0.1", "127.0.0.2"],
        ["127.0.0.2", "169.254.169.254"],
        ["127.0.0.2", "::1"],
        ["127.0.0.2", "fd00:ec2::254"],
        ["127.0.0.2", "::ffff:10.0.0.1"],
    ],
)
async def test_one_bad_address_refuses_the_name(found: Sequence[str], connects: list[object]) -> None:
    async with (
        target(HELLO, host="127.0.0.2") as friendly,
        name_server(lambda _: found) as names,
        lane_asking(names, SETTINGS, OUTSIDE) as lane,
    ):
        assert await outcome(lane, f"http://user.example:{friendly.port}/") is EgressRefused
    assert connects == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
async def test_a_name_that_rebinds_is_refused_from_then_on(inside: str, connects: list[object]) -> None:
    answers = [["127.0.0.2"]]
    async with (
        target(HELLO, host="127.0.0.2") as friendly,
        name_server(lambda _: answers[-1]) as names,
        lane_asking(names, SETTINGS, OUTSIDE, names_kept=0) as lane,
    ):
        url = f"http://user.example:{friendly.port}/"
        assert await outcome(lane, url) == 200
        assert len(names.asked) == 1  # what was checked is what was connected to
        answers.append([inside])
        assert await outcome(lane, url) is EgressRefused
        assert len(names.asked) == 2
    assert connects == [("127.0.0.2", friendly.port)]


class _Rebinding(dict[str, object]):
    """An answer that is good when it is checked, and bad when it is used."""

    looks = 0

    def __getitem__(self, key: str) -> object:
        if key == "host":
            self.looks += 1
            return "127.0.0.2" if self.looks == 1 else "127.0.0.1"
        return super().__getitem__(key)


class _Liar(AbstractResolver):
    is_closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer: Any = _Rebinding(hostname=host, host="", port=port, family=family, proto=0, flags=0)
        return [answer]

    async def close(self) -> None:
        self.is_closed = True


async def test_the_address_that_is_connected_to_decides(connects: list[object]) -> None:
    liar = _Liar()

    def opened(settings: TransportSettings) -> httpx.AsyncBaseTransport:
        return open_transport(settings, resolver=lambda: liar)

    async with target(HELLO) as inside, HttpLane(SETTINGS, egress=OUTSIDE, open_transport=opened) as lane:
        assert await outcome(lane, f"http://user.example:{inside.port}/") is EgressRefused
        assert inside.connections == 0
    assert connects == []
    assert liar.is_closed


async def test_a_name_server_that_never_answers_costs_the_connect_timeout(connects: list[object]) -> None:
    async with name_server(lambda _: None) as names, lane_asking(names, SETTINGS, STRICT) as lane:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ConnectFailed, match=r"user\.example was not resolved within 0\.3 s"):
            await lane.send(Request(method="POST", url="http://user.example/", deadline=30))
        assert asyncio.get_running_loop().time() - began < 2
        assert phases(lane) == (0, 1)
    assert connects == []


async def test_a_name_that_does_not_exist_is_a_failed_connection(connects: list[object]) -> None:
    async with name_server(lambda _: []) as names, lane_asking(names, SETTINGS, STRICT) as lane:
        assert await outcome(lane, "http://user.example/") is ConnectFailed
        assert phases(lane) == (0, 1)
    assert connects == []


async def test_a_lane_that_closes_while_a_name_is_resolved_says_so() -> None:
    patient = SETTINGS.model_copy(update={"connect_timeout": 30.0})
    async with name_server(lambda _: None) as names:
        lane = lane_asking(names, patient, STRICT)
        await lane.open()
        sending = [asyncio.ensure_future(outcome(lane, "http://user.example/")) for _ in range(3)]
        async with asyncio.timeout(5):
            await names.was_asked.wait()
            assert await lane.aclose() == 3
            assert await asyncio.gather(*sending) == [LaneClosed] * 3


async def test_ipv6_is_reached_where_it_is_allowed(connects: list[object]) -> None:
    home = EgressPolicy(ports=None, allowed=(IPv6Network("::1/128"),))
    async with (
        target(HELLO, host="::1") as friendly,
        name_server(lambda _: ["::1"]) as names,
        lane_asking(names, SETTINGS, home) as lane,
    ):
        assert await outcome(lane, f"http://[::1]:{friendly.port}/") == 200
        assert await outcome(lane, f"http://user.example:{friendly.port}/") == 200
    assert len(connects) == 2
