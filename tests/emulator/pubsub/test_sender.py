"""Pushes over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from google.auth import jwt
from google.pubsub_v1 import types

from emulator.oidc import TokenIssuer
from emulator.pubsub import HttpPushSender, PubSub, PushError, PushRequest
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC


class Receiver:
    """An HTTP server: `/status/N` answers N, `/silent` never does, and all requests are kept."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[web.Request, bytes]] = asyncio.Queue()
        self.flaky_answers = [500, 204]

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/status/{status}", self._answer)
        app.router.add_post("/flaky", self._answer_in_turn)
        app.router.add_post("/silent", self._stay_silent)
        self._runner = web.AppRunner(app, shutdown_timeout=0.001)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def aclose(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        await self.requests.put((request, await request.read()))
        return web.Response(status=int(request.match_info["status"]), headers={"Location": "/status/200"})

    async def _answer_in_turn(self, request: web.Request) -> web.Response:
        await self.requests.put((request, await request.read()))
        return web.Response(status=self.flaky_answers.pop(0))

    async def _stay_silent(self, request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.open()
    yield receiver
    await receiver.aclose()


@pytest.fixture
async def sender() -> AsyncIterator[HttpPushSender]:
    sender = HttpPushSender()
    await sender.open()
    yield sender
    await sender.aclose()


def _request(url: str, deadline: float = 10.0) -> PushRequest:
    return PushRequest(url=url, headers={"X-Test": "1"}, body=b"{}", deadline=deadline)


@pytest.mark.parametrize("status", [204, 302, 429, 500])
async def test_the_status_is_the_endpoints_own(
    receiver: Receiver, sender: HttpPushSender, status: int
) -> None:
    assert await sender.post(_request(f"{receiver.url}/status/{status}")) == status
    request, body = receiver.requests.get_nowait()
    assert (request.headers["X-Test"], body) == ("1", b"{}")
    assert receiver.requests.empty()


async def test_an_endpoint_that_does_not_answer_is_given_up_at_the_deadline(
    receiver: Receiver, sender: HttpPushSender
) -> None:
    with pytest.raises(PushError, match=r"/silent did not answer within 0\.05 s"):
        await sender.post(_request(f"{receiver.url}/silent", deadline=0.05))


async def test_an_endpoint_that_is_not_there_is_named(sender: HttpPushSender) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(PushError, match="could not be reached"):
            await sender.post(_request(url))
    with pytest.raises(PushError, match="could not be reached"):
        await sender.post(_request(f"http://{'a' * 70}.test/"))


async def test_a_failed_push_reaches_a_real_endpoint_in_the_end(
    receiver: Receiver, sender: HttpPushSender, store: Store, clock: ObservedClock, issuer: TokenIssuer
) -> None:
    start = clock.now()
    endpoint = f"{receiver.url}/flaky"
    account = "invoker@dev.iam.gserviceaccount.com"
    subscription = types.Subscription(
        name=SUBSCRIPTION,
        topic=TOPIC,
        push_config={"push_endpoint": endpoint, "oidc_token": {"service_account_email": account}},
        retry_policy=types.RetryPolicy(minimum_backoff=timedelta(seconds=5)),
    )
    pubsub = PubSub(store, clock=clock, issuer=issuer, sender=sender)
    await pubsub.open()
    await pubsub.ensure([types.Topic(name=TOPIC)], [subscription])
    publish = types.PublishRequest(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
    await pubsub._publisher.publish(publish)

    _, first = await receiver.requests.get()
    await clock.advance_when_asked(start + 5)
    request, second = await receiver.requests.get()
    await pubsub.aclose()

    assert first == second
    assert json.loads(second)["subscription"] == SUBSCRIPTION
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=issuer.certificates(), verify=False)
    assert (claims["aud"], claims["email"]) == (endpoint, account)
