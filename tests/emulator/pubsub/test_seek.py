"""Seeking by time: what is acknowledged, what comes back, and how long it is kept for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.protobuf import timestamp_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import publish_all
from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import ack_ids, data, streaming

RETAINING = types.Subscription(name=SUBSCRIPTION, topic=TOPIC, retain_acked_messages=True)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def _seek(subscriber: SubscriberAsyncClient, moment: float, subscription: str = SUBSCRIPTION) -> None:
    at = datetime.fromtimestamp(moment, UTC)
    await subscriber.seek(types.SeekRequest(subscription=subscription, time=at))


async def _acknowledge_all(subscriber: SubscriberAsyncClient) -> list[bytes]:
    received = await pull_now(subscriber)
    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ack_ids(received))
    return data(received)


async def _kept(store: Store) -> tuple[int, int]:
    """Messages and deliveries on disk."""
    counts: tuple[int, int] = await store.read(
        lambda db: db.execute(
            "SELECT (SELECT count(*) FROM pubsub_messages), (SELECT count(*) FROM pubsub_deliveries)"
        ).fetchone()
    )
    return counts


async def test_a_seek_forward_acknowledges_what_is_older(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, store: Store
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publish_all(publisher, b"old", b"old too")
    clock.advance(60)
    await publish_all(publisher, b"new")
    await _seek(subscriber, clock.now())
    assert data(await pull_now(subscriber)) == [b"new"]
    assert await _kept(store) == (1, 1)


async def test_a_seek_back_brings_what_the_subscription_retains(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(RETAINING)
    await publish_all(publisher, b"older")
    clock.advance(60)
    middle = clock.now()
    await publish_all(publisher, b"a", b"b")
    assert await _acknowledge_all(subscriber) == [b"older", b"a", b"b"]
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [0]

    await _seek(subscriber, middle)

    assert await _acknowledge_all(subscriber) == [b"a", b"b"]
    assert await pull_now(subscriber) == []


async def test_what_is_acknowledged_and_not_retained_stays_gone(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    start = clock.now()
    await publish_all(publisher, b"a")
    await _acknowledge_all(subscriber)
    await _seek(subscriber, start)
    assert await pull_now(subscriber) == []


async def test_a_seek_back_reaches_what_the_topic_retains_even_from_before_the_subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _retain(publisher, HOUR)
    start = clock.now()
    await publish_all(publisher, b"before")
    created = await subscriber.create_subscription(
        types.Subscription(name=SUBSCRIPTION, topic=TOPIC, filter="NOT attributes:hidden")
    )
    assert created.topic_message_retention_duration == HOUR
    hidden = types.PubsubMessage(data=b"hidden", attributes={"hidden": ""})
    await publisher.publish(topic=TOPIC, messages=[hidden])
    await publish_all(publisher, b"after")
    assert await _acknowledge_all(subscriber) == [b"after"]

    await _seek(subscriber, start)

    assert sorted(await _acknowledge_all(subscriber)) == [b"after", b"before"]


async def test_what_the_topic_retains_leaves_the_disk_in_time(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, store: Store
) -> None:
    await _retain(publisher, HOUR)
    await publish_all(publisher, b"a", b"b")
    assert await _kept(store) == (2, 0)
    clock.advance(3600)
    await publish_all(publisher, b"c")
    assert await _kept(store) == (1, 0)
    await _retain(publisher, None)
    assert await _kept(store) == (0, 0)


async def test_messages_of_a_retaining_topic_outlast_a_brief_subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _retain(publisher, HOUR)
    brief = types.Subscription(
        name=SUBSCRIPTION, topic=TOPIC, message_retention_duration=timedelta(minutes=10)
    )
    await subscriber.create_subscription(brief)
    await publish_all(publisher, b"a")
    clock.advance(3599)
    assert data(await pull_now(subscriber)) == [b"a"]
    await _retain(publisher, None)
    assert await pull_now(subscriber) == []


async def test_retained_messages_leave_with_the_retention_and_the_setting(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, store: Store
) -> None:
    await subscriber.create_subscription(RETAINING)
    await publish_all(publisher, b"a")
    await _acknowledge_all(subscriber)
    clock.advance(6 * 86_400)
    await publish_all(publisher, b"b")
    await _acknowledge_all(subscriber)
    assert await _kept(store) == (2, 2)
    clock.advance(86_400)
    await pull_now(subscriber)
    assert await _kept(store) == (1, 1)
    await subscriber.update_subscription(
        subscription=types.Subscription(name=SUBSCRIPTION),
        update_mask=FieldMask(paths=["retain_acked_messages"]),
    )
    assert await _kept(store) == (0, 0)


async def test_a_seek_keeps_the_order_of_keys(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await subscriber.create_subscription(types.Subscription(RETAINING, enable_message_ordering=True))
    start = clock.now()
    messages = [types.PubsubMessage(data=b"%d" % number, ordering_key="k") for number in range(4)]
    await publisher.publish(topic=TOPIC, messages=messages)
    assert await _acknowledge_all(subscriber) == [b"0", b"1", b"2", b"3"]
    await _seek(subscriber, start)
    assert data(await pull_now(subscriber, 2)) == [b"0", b"1"]
    assert await pull_now(subscriber) == []


async def test_a_waiting_stream_gets_what_a_seek_brings_back(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await subscriber.create_subscription(RETAINING)
    start = clock.now()
    await publish_all(publisher, b"a")
    await _acknowledge_all(subscriber)
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        await _seek(subscriber, start)
        assert data(await stream.messages(1)) == [b"a"]


async def test_a_seek_needs_a_target_and_a_subscription(subscriber: SubscriberAsyncClient) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    with pytest.raises(exceptions.InvalidArgument, match="No target was specified in the SeekRequest"):
        await subscriber.seek(types.SeekRequest(subscription=SUBSCRIPTION))
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await _seek(subscriber, 0, f"{PROJECT}/subscriptions/other")
    for far in (-(2**62), 2**62):
        time = timestamp_pb2.Timestamp(seconds=far)
        await subscriber.seek(types.SeekRequest(subscription=SUBSCRIPTION, time=time))


async def _retain(publisher: PublisherAsyncClient, duration: timedelta | None) -> None:
    topic = types.Topic(name=TOPIC, message_retention_duration=duration)
    await publisher.update_topic(topic=topic, update_mask=FieldMask(paths=["message_retention_duration"]))
