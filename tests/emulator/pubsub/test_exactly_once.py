"""Exactly-once delivery: an attempt that has ended settles nothing, and its client is told."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import publish_all, pushed
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import data, streaming

INVALID = "PERMANENT_FAILURE_INVALID_ACK_ID"


@pytest.fixture(autouse=True)
async def subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> types.Subscription:
    await publisher.create_topic(name=TOPIC)
    return await subscriber.create_subscription(
        types.Subscription(name=SUBSCRIPTION, topic=TOPIC, enable_exactly_once_delivery=True)
    )


def _told(error: pytest.ExceptionInfo[exceptions.GoogleAPICallError]) -> dict[str, str]:
    (info,) = error.value.details
    assert (info.reason, info.domain) == ("EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com")
    return dict(info.metadata)


async def test_an_attempt_that_has_ended_acknowledges_nothing_and_says_so(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await publish_all(publisher, b"a", b"b")
    a, b = await pull_now(subscriber)
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[b.ack_id], ack_deadline_seconds=60
    )
    clock.advance(10)

    with pytest.raises(exceptions.InvalidArgument, match="Some acknowledgement ids") as refused:
        await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[a.ack_id, b.ack_id, "nonsense"])

    assert _told(refused) == {a.ack_id: INVALID, "nonsense": INVALID}
    (again,) = await pull_now(subscriber)  # b was acknowledged all the same
    assert again.message.data == b"a"
    with pytest.raises(exceptions.InvalidArgument) as stale:
        await subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=[a.ack_id], ack_deadline_seconds=0
        )
    assert _told(stale) == {a.ack_id: INVALID}
    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[again.ack_id])
    with pytest.raises(exceptions.InvalidArgument) as repeated:
        await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[again.ack_id])
    assert _told(repeated) == {again.ack_id: INVALID}


async def test_a_stream_confirms_what_it_settled(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publish_all(publisher, b"a")
    async with streaming(subscriber) as stream:
        (received,) = await stream.messages(1)
        stream.send(modify_deadline_ack_ids=[received.ack_id, "x"], modify_deadline_seconds=[30, 30])
        moved = (await stream.response()).modify_ack_deadline_confirmation
        assert (list(moved.ack_ids), list(moved.invalid_ack_ids)) == ([received.ack_id], ["x"])
        stream.send(ack_ids=[received.ack_id])
        acknowledged = (await stream.response()).acknowledge_confirmation
        assert (list(acknowledged.ack_ids), list(acknowledged.invalid_ack_ids)) == ([received.ack_id], [])
        stream.send(ack_ids=[received.ack_id])
        repeated = (await stream.response()).acknowledge_confirmation
        assert (list(repeated.ack_ids), list(repeated.invalid_ack_ids)) == ([], [received.ack_id])


async def test_a_hundred_thousand_ids_of_one_request_are_told_apart_at_once(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publish_all(publisher, b"a")
    async with streaming(subscriber) as stream:
        (received,) = await stream.messages(1)
        nonsense = [f"x{number}" for number in range(100_000)]
        stream.send(ack_ids=[*nonsense, received.ack_id])
        told = (await stream.response()).acknowledge_confirmation
        assert (list(told.ack_ids), list(told.invalid_ack_ids)) == ([received.ack_id], nonsense)


async def test_nothing_is_delivered_again_while_it_is_leased(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await publish_all(publisher, b"a")
    await pull_now(subscriber)
    clock.advance(9.999)
    assert await pull_now(subscriber) == []
    clock.advance(0.001)
    assert data(await pull_now(subscriber)) == [b"a"]


async def test_it_is_for_pull_subscriptions(subscriber: SubscriberAsyncClient) -> None:
    fields: dict[str, Any] = {"name": f"{SUBSCRIPTION}-2", "enable_exactly_once_delivery": True}
    with pytest.raises(exceptions.InvalidArgument, match="exactly-once delivery is for pull subscriptions"):
        await subscriber.create_subscription(pushed(**fields))
