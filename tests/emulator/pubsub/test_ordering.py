"""Ordering keys: messages of a key come in order, one batch at a time, by pull, stream and push."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import all_acknowledged, patient, pushed
from tests.emulator.pubsub.resources import DEAD_TOPIC, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import ack_ids, data, streaming
from tests.emulator.target import Target

ORDERED = types.Subscription(name=SUBSCRIPTION, topic=TOPIC, enable_message_ordering=True)


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def _publish(publisher: PublisherAsyncClient, *named: str) -> None:
    """Messages such as "a1": number 1 of key "a"."""
    messages = [types.PubsubMessage(data=name.encode(), ordering_key=name[0]) for name in named]
    await publisher.publish(topic=TOPIC, messages=messages)


async def _acknowledge(subscriber: SubscriberAsyncClient, *received: types.ReceivedMessage) -> None:
    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ack_ids(list(received)))


async def _give_back(subscriber: SubscriberAsyncClient, *received: types.ReceivedMessage) -> None:
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=ack_ids(list(received)), ack_deadline_seconds=0
    )


async def test_nothing_of_a_key_goes_out_past_its_batch(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(ORDERED)
    await _publish(publisher, "a1", "b1", "a2", "a3", "b2")

    first = await pull_now(subscriber, 2)
    assert data(first) == [b"a1", b"a2"]
    assert data(await pull_now(subscriber)) == [b"b1", b"b2"]
    await _publish(publisher, "a4")
    await _acknowledge(subscriber, first[0])
    assert await pull_now(subscriber) == []
    await _acknowledge(subscriber, first[1])
    assert data(await pull_now(subscriber)) == [b"a3", b"a4"]


async def test_messages_without_a_key_wait_for_none(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(ORDERED)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"%d" % n) for n in range(3)])
    assert data(await pull_now(subscriber, 1)) == [b"0"]
    assert data(await pull_now(subscriber, 5)) == [b"1", b"2"]


async def test_without_the_setting_keys_keep_no_order(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await _publish(publisher, "a1", "a2")
    assert data(await pull_now(subscriber, 1)) == [b"a1"]
    assert data(await pull_now(subscriber, 1)) == [b"a2"]


async def test_a_returned_message_comes_again_with_all_after_it(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(ORDERED)
    await _publish(publisher, "a1", "a2", "a3", "a4")
    first, second, _ = await pull_now(subscriber, 3)
    await _give_back(subscriber, second)
    assert await pull_now(subscriber) == []  # a1 is still out

    await _acknowledge(subscriber, first)
    again = await pull_now(subscriber)

    assert data(again) == [b"a2", b"a3", b"a4"]
    await _acknowledge(subscriber, *again)
    assert await pull_now(subscriber) == []


async def test_a_deadline_that_passes_brings_the_rest_of_the_key_again(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await subscriber.create_subscription(ORDERED)
    await _publish(publisher, "a1", "a2", "a3")
    first, second, third = await pull_now(subscriber)
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=ack_ids([second, third]), ack_deadline_seconds=600
    )
    await _acknowledge(subscriber, third)
    clock.advance(10)
    assert data(await pull_now(subscriber)) == [b"a1", b"a2"]
    assert first.message.data == b"a1"


async def test_an_expired_head_lets_the_next_one_out(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    brief = types.Subscription(ORDERED, message_retention_duration=timedelta(seconds=600))
    await subscriber.create_subscription(brief)
    await _publish(publisher, "a1")
    clock.advance(300)
    await _publish(publisher, "a2")
    clock.advance(300)
    assert data(await pull_now(subscriber)) == [b"a2"]


async def test_a_stream_gets_a_key_in_order(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(ORDERED)
    names = [f"{key}{number}" for number in range(9) for key in "ab"]
    await _publish(publisher, *names)
    arrived: list[str] = []
    async with streaming(subscriber, max_outstanding_messages=4) as stream:
        while len(arrived) < len(names):
            received = list((await stream.response()).received_messages)
            arrived.extend(each.decode() for each in data(received))
            stream.send(ack_ids=ack_ids(received))
        await all_acknowledged(pubsub)
    for key in "ab":
        assert [name for name in arrived if name[0] == key] == [name for name in names if name[0] == key]


async def test_pushes_of_a_key_go_one_by_one(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
    pubsub: PubSub,
) -> None:
    start = clock.now()
    await subscriber.create_subscription(pushed(enable_message_ordering=True, retry_policy=patient(10, 600)))
    endpoint.will_answer([500])
    await _publish(publisher, "a1", "a2", "a3")
    await endpoint.received(1)
    await clock.advance_when_asked(start + 10)
    await all_acknowledged(pubsub)
    requests = [json.loads(request.body)["message"] for request in endpoint.requests]
    assert [base64.b64decode(message["data"]) for message in requests] == [b"a1", b"a1", b"a2", b"a3"]


async def test_a_dead_letter_lets_the_next_of_its_key_out(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=DEAD_TOPIC)
    policy = {"dead_letter_topic": DEAD_TOPIC, "max_delivery_attempts": 5}
    await subscriber.create_subscription(types.Subscription(ORDERED, dead_letter_policy=policy))
    await _publish(publisher, "a1", "a2")
    for attempt in range(1, 6):
        (received,) = await pull_now(subscriber, 1)
        assert (received.message.data, received.delivery_attempt) == (b"a1", attempt)
        await _give_back(subscriber, received)
    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=5)
    assert data(list(pulled.received_messages)) == [b"a2"]
