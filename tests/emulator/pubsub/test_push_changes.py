"""Push subscriptions that change, fail or go while pushes are under way."""

from __future__ import annotations

import base64
import json

import pytest
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import all_acknowledged, patient, publish_all, pushed
from tests.emulator.pubsub.resources import ENDPOINT, SUBSCRIPTION, TOPIC
from tests.emulator.target import Target


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def test_a_pull_subscription_becomes_a_push_one_and_back(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publish_all(publisher, b"a")

    push_config = types.PushConfig(push_endpoint=ENDPOINT)
    await subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=push_config)
    await endpoint.received(1)
    read = await subscriber.get_subscription(subscription=SUBSCRIPTION)
    assert read.push_config.push_endpoint == ENDPOINT
    await all_acknowledged(pubsub)

    await subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=types.PushConfig())
    await publish_all(publisher, b"b")
    (received,) = await pull_now(subscriber)
    assert received.message.data == b"b"
    assert len(endpoint.requests) == 1


async def test_what_is_being_pushed_can_be_pulled_once_the_subscription_is_a_pull_one(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    await subscriber.create_subscription(pushed())
    endpoint.is_holding = True
    await publish_all(publisher, b"a")
    await endpoint.received(1)

    await subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=types.PushConfig())

    (received,) = await pull_now(subscriber)
    assert received.message.data == b"a"


async def test_a_defect_in_a_push_stops_no_others(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start = clock.now()
    await subscriber.create_subscription(pushed(retry_policy=patient(10, 600)))
    endpoint.will_answer([RuntimeError("a defect")])
    await publish_all(publisher, b"a")
    await endpoint.received(1)
    await clock.advance_when_asked(start + 10)
    await endpoint.received(2)
    assert "failed by a defect of the emulator" in caplog.text


async def test_a_new_endpoint_gets_what_the_old_one_refused(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
) -> None:
    start = clock.now()
    await subscriber.create_subscription(pushed(retry_policy=patient(10, 600)))
    endpoint.will_answer([500])
    await publish_all(publisher, b"a")
    await endpoint.received(1)

    push_config = types.PushConfig(push_endpoint=f"{ENDPOINT}/repaired")
    await subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=push_config)
    await clock.advance_when_asked(start + 10)

    requests = await endpoint.received(2)
    assert [request.url for request in requests] == [ENDPOINT, f"{ENDPOINT}/repaired"]


async def test_a_deleted_subscription_pushes_no_more(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    await subscriber.create_subscription(pushed())
    await subscriber.create_subscription(pushed(name=f"{SUBSCRIPTION}-2"))
    await subscriber.delete_subscription(subscription=SUBSCRIPTION)
    await publish_all(publisher, b"a")
    (request,) = await endpoint.received(1)
    assert json.loads(request.body)["subscription"] == f"{SUBSCRIPTION}-2"


async def test_a_push_that_outlasts_its_subscription_is_no_failure(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(pushed())
    endpoint.is_holding = True
    await publish_all(publisher, b"a")
    await endpoint.received(1)

    await subscriber.delete_subscription(subscription=SUBSCRIPTION)
    await subscriber.create_subscription(pushed())
    await endpoint.release()
    await publish_all(publisher, b"b")

    requests = await endpoint.received(2)
    data = [base64.b64decode(json.loads(request.body)["message"]["data"]) for request in requests]
    assert data == [b"a", b"b"]
