"""Snapshots: what they hold, seeking to them, and their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import publish_all
from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import ack_ids, data

pytestmark = pytest.mark.usefixtures("subscription")

SNAPSHOT = f"{PROJECT}/snapshots/before-deploy"
WEEK = timedelta(days=7)


async def _acknowledge_all(
    subscriber: SubscriberAsyncClient, subscription: str = SUBSCRIPTION
) -> list[bytes]:
    received = await pull_now(subscriber, subscription=subscription)
    await subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids(received))
    return data(received)


async def _seek(subscriber: SubscriberAsyncClient, subscription: str = SUBSCRIPTION) -> None:
    await subscriber.seek(types.SeekRequest(subscription=subscription, snapshot=SNAPSHOT))


async def _messages(store: Store) -> int:
    (count,) = await store.read(lambda db: db.execute("SELECT count(*) FROM pubsub_messages").fetchone())
    return int(count)


async def test_a_seek_brings_back_the_backlog_of_the_snapshot_and_what_came_since(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, store: Store
) -> None:
    await publish_all(publisher, b"acknowledged before")
    await _acknowledge_all(subscriber)
    await publish_all(publisher, b"waiting")
    await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    await publish_all(publisher, b"since")
    assert await _acknowledge_all(subscriber) == [b"waiting", b"since"]

    for _ in range(2):
        await _seek(subscriber)
        assert await _acknowledge_all(subscriber) == [b"waiting", b"since"]

    assert await _messages(store) == 2
    await subscriber.delete_snapshot(snapshot=SNAPSHOT)
    assert await _messages(store) == 0
    with pytest.raises(exceptions.NotFound, match="resource=before-deploy"):
        await _seek(subscriber)


async def test_another_subscription_of_the_topic_can_seek_to_it(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    other = f"{PROJECT}/subscriptions/other"
    await publish_all(publisher, b"waiting")
    await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    await subscriber.create_subscription(name=other, topic=TOPIC)
    await _seek(subscriber, other)
    assert await _acknowledge_all(subscriber, other) == [b"waiting"]


async def test_a_subscription_of_another_topic_cannot(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    await publisher.create_topic(name=f"{TOPIC}-2")
    other = f"{PROJECT}/subscriptions/other"
    await subscriber.create_subscription(name=other, topic=f"{TOPIC}-2")
    with pytest.raises(exceptions.FailedPrecondition, match="seek to a snapshot of its own topic"):
        await _seek(subscriber, other)


async def test_a_snapshot_is_read_listed_and_updated(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    now = datetime.fromtimestamp(clock.now(), UTC)
    created = await subscriber.create_snapshot(
        types.CreateSnapshotRequest(name=SNAPSHOT, subscription=SUBSCRIPTION, labels={"team": "speech"})
    )
    assert (created.name, created.topic, dict(created.labels)) == (SNAPSHOT, TOPIC, {"team": "speech"})
    assert created.expire_time == now + WEEK
    assert await subscriber.get_snapshot(snapshot=SNAPSHOT) == created
    assert [each async for each in await subscriber.list_snapshots(project=PROJECT)] == [created]
    assert [each async for each in await publisher.list_topic_snapshots(topic=TOPIC)] == [SNAPSHOT]

    updated = await subscriber.update_snapshot(
        types.UpdateSnapshotRequest(
            snapshot=types.Snapshot(name=SNAPSHOT, expire_time=now + timedelta(days=1), labels={"a": "b"}),
            update_mask={"paths": ["expireTime", "labels"]},
        )
    )
    assert updated.expire_time == now + timedelta(days=1)
    assert dict(updated.labels) == {"a": "b"}
    with pytest.raises(exceptions.InvalidArgument, match="not within the next 7 days"):
        await subscriber.update_snapshot(
            types.UpdateSnapshotRequest(
                snapshot=types.Snapshot(name=SNAPSHOT, expire_time=now + timedelta(days=8)),
                update_mask={"paths": ["expire_time"]},
            )
        )


async def test_a_snapshot_expires_a_week_after_its_oldest_message(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, store: Store
) -> None:
    await publish_all(publisher, b"a")
    published = datetime.fromtimestamp(clock.now(), UTC)
    clock.advance(6 * 86_400)
    created = await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    assert created.expire_time == published + WEEK
    await _acknowledge_all(subscriber)
    assert await _messages(store) == 1

    clock.advance(86_400)

    with pytest.raises(exceptions.NotFound):
        await subscriber.get_snapshot(snapshot=SNAPSHOT)
    await pull_now(subscriber)  # each pull sweeps what has expired
    assert await _messages(store) == 0


async def test_a_snapshot_that_would_hardly_live_is_refused(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await publish_all(publisher, b"a")
    clock.advance(7 * 86_400 - 3599)
    with pytest.raises(exceptions.FailedPrecondition, match="would expire in less than 1 hour"):
        await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)


async def test_bad_calls_are_refused(subscriber: SubscriberAsyncClient) -> None:
    with pytest.raises(exceptions.NotFound, match="resource=none"):
        await subscriber.create_snapshot(name=SNAPSHOT, subscription=f"{PROJECT}/subscriptions/none")
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
        await subscriber.create_snapshot(name="snapshot", subscription=SUBSCRIPTION)
    await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    with pytest.raises(exceptions.AlreadyExists, match="resource=before-deploy"):
        await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)
    with pytest.raises(exceptions.InvalidArgument, match="the topic field in the Snapshot is not mutable"):
        await subscriber.update_snapshot(
            types.UpdateSnapshotRequest(snapshot={"name": SNAPSHOT}, update_mask={"paths": ["topic"]})
        )
