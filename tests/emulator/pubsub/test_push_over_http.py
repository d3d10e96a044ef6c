"""A push over a real socket, refused once and then taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from google.auth import jwt
from google.pubsub_v1 import types

from emulator.http_sender import HttpSender
from emulator.oidc import TokenIssuer
from emulator.pubsub import PubSub
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC
from tests.receiver import Received, receiver

ACCOUNT = "invoker@dev.iam.gserviceaccount.com"


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    sender = HttpSender(connections=8)
    await sender.open()
    yield sender
    await sender.aclose()


async def test_a_failed_push_reaches_a_real_endpoint_in_the_end(
    sender: HttpSender, store: Store, clock: ObservedClock, issuer: TokenIssuer
) -> None:
    arrived: asyncio.Queue[Received] = asyncio.Queue()
    answers = [500, 204]

    async def refuse_once(got: Received) -> web.Response:
        arrived.put_nowait(got)
        return web.Response(status=answers.pop(0))

    start = clock.now()
    async with receiver(refuse_once) as target:
        endpoint = f"{target.url}/flaky"
        subscription = types.Subscription(
            name=SUBSCRIPTION,
            topic=TOPIC,
            push_config={"push_endpoint": endpoint, "oidc_token": {"service_account_email": ACCOUNT}},
            retry_policy=types.RetryPolicy(minimum_backoff=timedelta(seconds=5)),
        )
        pubsub = PubSub(store, clock=clock, issuer=issuer, sender=sender)
        await pubsub.open()
        await pubsub.ensure([types.Topic(name=TOPIC)], [subscription])
        publish = types.PublishRequest(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
        await pubsub._publisher.publish(publish)

        first = await arrived.get()
        await clock.advance_when_asked(start + 5)
        second = await arrived.get()
        await pubsub.aclose()

    assert first.body == second.body
    assert json.loads(second.body)["subscription"] == SUBSCRIPTION
    assert (second.headers["content-type"], second.headers["user-agent"]) == (
        "application/json",
        "CloudPubSub-Google",
    )
    token = second.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=issuer.certificates(), verify=False)
    assert (claims["aud"], claims["email"]) == (endpoint, ACCOUNT)
