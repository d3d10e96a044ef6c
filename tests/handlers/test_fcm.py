"""One message to one device, over a real lane to a server in FCM's shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from handlers.access_tokens import AccessToken, AccessTokens
from handlers.delivery import Busy, Returned, TargetFailed
from handlers.errors import CredentialsAway
from handlers.fcm import Fcm
from handlers.fcm_message import REFUSED_PAUSE, DeviceGone
from lanes import FCM, HttpLane
from tests.handlers.conftest import START, Clock
from tests.handlers.fcm_answers import NOTIFICATION, UNAUTHENTICATED, UNREGISTERED, message_in, refusal, sent
from tests.receiver import Received, Receiver, answering, receiver


@dataclass
class Source:
    """Gives `t1`, `t2` …, until it is away."""

    away: bool = False
    given: list[str] = field(default_factory=list)

    async def fetch(self) -> AccessToken:
        if self.away:
            raise CredentialsAway("no credentials")
        self.given.append(f"t{len(self.given) + 1}")
        return AccessToken(self.given[-1], START + timedelta(hours=1))


async def taken(_: Received) -> web.Response:
    return sent()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver(taken) as opened:
        yield opened


@pytest.fixture
async def fcm(server: Receiver, source: Source) -> AsyncIterator[Fcm]:
    clock = Clock()
    async with HttpLane(FCM) as lane:
        yield Fcm(lane, AccessTokens(source, clock=clock), url=server.url, project="p", clock=clock)


def only(*values: str) -> Callable[[Received], bool]:
    return lambda got: got.headers.get("authorization") in [f"Bearer {value}" for value in values]


async def test_a_message_is_posted_to_its_project_with_our_token(fcm: Fcm, server: Receiver) -> None:
    assert await fcm.send(NOTIFICATION, "device-1", deadline=5) == Returned()
    (got,) = server.received
    assert (got.method, got.path) == ("POST", "/v1/projects/p/messages:send")
    assert got.headers["authorization"] == "Bearer t1"
    assert got.headers["content-type"] == "application/json"
    assert message_in(got)["token"] == "device-1"


async def test_a_stand_in_is_told_no_token(server: Receiver) -> None:
    async with HttpLane(FCM) as lane:
        fcm = Fcm(lane, None, url=server.url, project="p", clock=Clock())
        assert await fcm.send(NOTIFICATION, "device-1", deadline=5) == Returned()
    assert "authorization" not in server.received[0].headers


async def test_a_token_that_is_refused_is_renewed_and_the_message_sent(
    fcm: Fcm, server: Receiver, source: Source
) -> None:
    welcome = only("t2")

    async def second(got: Received) -> web.Response:
        return sent() if welcome(got) else web.Response(status=401, body=UNAUTHENTICATED)

    server.respond = second
    assert await fcm.send(NOTIFICATION, "device-1", deadline=5) == Returned()
    assert await fcm.send(NOTIFICATION, "device-1", deadline=5) == Returned()
    assert len(server.received) == 3
    assert source.given == ["t1", "t2"]


async def test_who_is_not_let_in_waits_and_uses_no_attempt(
    fcm: Fcm, server: Receiver, source: Source
) -> None:
    server.respond = answering(401, body=UNAUTHENTICATED)
    end = await fcm.send(NOTIFICATION, "device-1", deadline=5)
    assert isinstance(end, Busy)
    assert end.until == START + REFUSED_PAUSE
    assert "cloudmessaging.messages.create" in end.detail
    assert len(server.received) == 2
    server.respond = answering(403, body=refusal(403, "PERMISSION_DENIED"))
    assert isinstance(await fcm.send(NOTIFICATION, "device-1", deadline=5), Busy)
    assert len(server.received) == 3  # a new token of the same account is as good as the old one


async def test_a_key_of_the_project_is_not_our_token(fcm: Fcm, server: Receiver, source: Source) -> None:
    server.respond = answering(401, body=refusal(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    await fcm.send(NOTIFICATION, "device-1", deadline=5)
    assert len(server.received) == 1
    assert source.given == ["t1"]


async def test_without_credentials_nothing_is_sent_and_no_attempt_used(
    fcm: Fcm, server: Receiver, source: Source
) -> None:
    source.away = True
    end = await fcm.send(NOTIFICATION, "device-1", deadline=5)
    assert end == Busy(START + REFUSED_PAUSE, "no credentials")
    assert server.received == []


async def test_a_device_that_is_gone_is_said_so(fcm: Fcm, server: Receiver) -> None:
    server.respond = answering(404, body=UNREGISTERED)
    assert await fcm.send(NOTIFICATION, "device-1", deadline=5) == DeviceGone("answered 404 UNREGISTERED")


async def test_a_server_that_hangs_failed_and_kept_its_connection(fcm: Fcm, server: Receiver) -> None:
    left = asyncio.Event()

    async def never(_: Received) -> web.Response:
        await left.wait()
        return sent()

    server.respond = never
    end = await fcm.send(NOTIFICATION, "device-1", deadline=0.05)
    left.set()
    assert isinstance(end, TargetFailed)
    assert end.connection_lost_after is None


async def test_a_lost_connection_is_known_to_be_one() -> None:
    async with receiver() as gone:
        url = gone.url
    async with HttpLane(FCM) as lane:
        end = await Fcm(lane, None, url=url, project="p", clock=Clock()).send(
            NOTIFICATION, "device-1", deadline=5
        )
    assert isinstance(end, TargetFailed)
    assert end.connection_lost_after == timedelta(0)


async def test_a_lane_that_is_full_sends_nothing(server: Receiver) -> None:
    held, left = asyncio.Event(), asyncio.Event()

    async def hold(_: Received) -> web.Response:
        held.set()
        await left.wait()
        return sent()

    server.respond = hold
    narrow = FCM.model_copy(update={"max_connections": 1, "max_waiting": 0})
    async with HttpLane(narrow) as lane:
        fcm = Fcm(lane, None, url=server.url, project="p", clock=Clock())
        first = asyncio.create_task(fcm.send(NOTIFICATION, "device-1", deadline=5))
        await held.wait()
        assert isinstance(await fcm.send(NOTIFICATION, "device-2", deadline=5), Busy)
        left.set()
        assert await first == Returned()
    assert len(server.received) == 1
