"""Push subscriptions: the request, the retries in virtual time, what is bounded, and changes under way."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from google.auth import jwt
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator import Failure, FailureReason
from emulator.oidc import TokenIssuer
from emulator.pubsub import PubSub
from emulator.pubsub.pusher import CONCURRENT_PUSHES
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pushing import all_acknowledged, patient, publish_all, pushed
from tests.emulator.pubsub.resources import ENDPOINT, SUBSCRIPTION, TOPIC
from tests.emulator.target import Target

UNREACHABLE = Failure(FailureReason.UNREACHABLE, "refused")
INVOKER = "invoker@dev.iam.gserviceaccount.com"


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def test_the_request_is_the_clouds(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
) -> None:
    await subscriber.create_subscription(pushed(ack_deadline_seconds=30))
    message = types.PubsubMessage(data=b"\x00\xff", attributes={"kind": "a"}, ordering_key="stream")
    response = await publisher.publish(topic=TOPIC, messages=[message])

    (request,) = await endpoint.received(1)

    assert request.url == ENDPOINT
    assert endpoint.deadlines == [30]
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers
    (message_id,) = response.message_ids
    published = datetime.fromtimestamp(clock.now(), UTC).isoformat().replace("+00:00", "Z")
    assert json.loads(request.body) == {
        "message": {
            "data": base64.b64encode(b"\x00\xff").decode(),
            "attributes": {"kind": "a"},
            "messageId": message_id,
            "message_id": message_id,
            "publishTime": published,
            "publish_time": published,
            "orderingKey": "stream",
        },
        "subscription": SUBSCRIPTION,
    }


@pytest.mark.parametrize(
    ("oidc_token", "audience"),
    [
        ({"service_account_email": INVOKER}, ENDPOINT),
        ({"service_account_email": INVOKER, "audience": "https://handlers"}, "https://handlers"),
    ],
)
async def test_the_request_carries_an_id_token(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    issuer: TokenIssuer,
    clock: ObservedClock,
    oidc_token: dict[str, str],
    audience: str,
) -> None:
    push_config = {"push_endpoint": ENDPOINT, "oidc_token": oidc_token}
    await subscriber.create_subscription(pushed(push_config=push_config))
    await publish_all(publisher, b"a")

    (request,) = await endpoint.received(1)

    scheme, _, token = request.headers["Authorization"].partition(" ")
    claims = jwt.decode(token, certs=issuer.certificates(), verify=False)
    assert scheme == "Bearer"
    assert (claims["aud"], claims["email"]) == (audience, INVOKER)
    assert claims["iat"] == int(clock.now())


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
async def test_success_acknowledges(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    pubsub: PubSub,
    status: int,
) -> None:
    await subscriber.create_subscription(pushed())
    endpoint.will_answer([status])
    await publish_all(publisher, b"a")
    await endpoint.received(1)
    await all_acknowledged(pubsub)
    assert pubsub.statistics().pushes_acknowledged_total == 1


@pytest.mark.parametrize("answer", [203, 301, 400, 404, 429, 500, 503, UNREACHABLE])
async def test_anything_else_is_pushed_again(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
    pubsub: PubSub,
    answer: int,
) -> None:
    start = clock.now()
    await subscriber.create_subscription(pushed(retry_policy=patient(10, 600)))
    endpoint.will_answer([answer])
    await publish_all(publisher, b"a")
    await endpoint.received(1)

    await clock.advance_when_asked(start + 10)

    first, second = await endpoint.received(2)
    assert first.body == second.body
    assert pubsub.statistics().pushes_failed_total == 1


@pytest.mark.parametrize(
    ("fields", "delays"),
    [
        ({"retry_policy": patient(10, 60)}, [10, 20, 40, 60, 60]),
        ({"retry_policy": {}}, [10, 20, 40, 80, 160, 320, 600, 600]),
        ({"retry_policy": patient(0, 600)}, [0, 0]),
        ({}, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60]),
    ],
)
async def test_the_delay_grows_with_each_failure(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
    fields: dict[str, object],
    delays: list[float],
) -> None:
    await subscriber.create_subscription(pushed(**fields))
    endpoint.will_answer([500] * len(delays))
    expected = [clock.now()]
    await publish_all(publisher, b"a")

    for count, delay in enumerate(delays, start=1):
        await endpoint.received(count)
        expected.append(expected[-1] + delay)
        if delay:
            await clock.advance_when_asked(expected[-1])

    await endpoint.received(len(delays) + 1)
    assert endpoint.times == pytest.approx(expected, abs=1e-5)


async def test_pushes_of_a_subscription_are_bounded(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(pushed())
    endpoint.is_holding = True
    await publish_all(publisher, *(b"%d" % number for number in range(CONCURRENT_PUSHES + 10)))

    await endpoint.received(CONCURRENT_PUSHES)

    assert pubsub.statistics().pushes_under_way == CONCURRENT_PUSHES
    (backlog,) = await pubsub.backlogs()
    assert (backlog.unacknowledged, backlog.outstanding) == (CONCURRENT_PUSHES + 10, CONCURRENT_PUSHES)
    await endpoint.release()
    requests = await endpoint.received(CONCURRENT_PUSHES + 10)
    assert len({request.body for request in requests}) == CONCURRENT_PUSHES + 10


async def test_a_slow_endpoint_keeps_nobody_else_waiting(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    await subscriber.create_subscription(pushed())
    await subscriber.create_subscription(pushed(name=f"{SUBSCRIPTION}-2"))
    endpoint.is_holding = True
    await publish_all(publisher, *(b"%d" % number for number in range(CONCURRENT_PUSHES)))
    requests = await endpoint.received(2 * CONCURRENT_PUSHES)
    assert {json.loads(request.body)["subscription"] for request in requests} == {
        SUBSCRIPTION,
        f"{SUBSCRIPTION}-2",
    }
    await endpoint.release()
