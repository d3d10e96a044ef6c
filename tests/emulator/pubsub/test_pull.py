"""Pull, acknowledgement and ack deadlines, by Google's client, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.resources import DEAD_TOPIC, ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC

COUNTED = types.DeadLetterPolicy(dead_letter_topic=DEAD_TOPIC, max_delivery_attempts=100)


@pytest.fixture(autouse=True)
async def subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> types.Subscription:
    """Its dead-letter policy is there so that delivery attempts are told."""
    await publisher.create_topic(name=TOPIC)
    await publisher.create_topic(name=DEAD_TOPIC)
    return await subscriber.create_subscription(
        types.Subscription(
            name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=20, dead_letter_policy=COUNTED
        )
    )


async def _publish(publisher: PublisherAsyncClient, *data: bytes) -> None:
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=each) for each in data])


async def test_what_is_acknowledged_does_not_come_again(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, pubsub: PubSub
) -> None:
    await _publish(publisher, b"a", b"b", b"c")
    first = await pull_now(subscriber, max_messages=2)
    assert [received.message.data for received in first] == [b"a", b"b"]
    assert [received.delivery_attempt for received in first] == [1, 1]

    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[first[0].ack_id])
    (backlog,) = await pubsub.backlogs()
    assert (backlog.unacknowledged, backlog.outstanding) == (2, 1)
    clock.advance(20)
    again = await pull_now(subscriber)

    assert {(received.message.data, received.delivery_attempt) for received in again} == {
        (b"b", 2),
        (b"c", 1),
    }


async def test_a_message_comes_again_when_its_deadline_has_passed(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _publish(publisher, b"a")
    await pull_now(subscriber)
    clock.advance(19.999)
    assert await pull_now(subscriber) == []
    clock.advance(0.001)
    (received,) = await pull_now(subscriber)
    assert received.delivery_attempt == 2


async def test_a_late_acknowledgement_still_counts(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _publish(publisher, b"a")
    (received,) = await pull_now(subscriber)
    clock.advance(25)
    for _ in range(2):  # and repeating it is no error
        await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
    assert await pull_now(subscriber) == []


async def test_the_deadline_can_be_moved(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _publish(publisher, b"a")
    (received,) = await pull_now(subscriber)
    clock.advance(15)
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=60
    )
    clock.advance(59.999)
    assert await pull_now(subscriber) == []
    clock.advance(0.001)
    assert len(await pull_now(subscriber)) == 1


async def test_only_the_attempt_under_way_can_move_its_deadline(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _publish(publisher, b"a")
    (old,) = await pull_now(subscriber)
    clock.advance(20)
    assert len(await pull_now(subscriber)) == 1
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[old.ack_id], ack_deadline_seconds=0
    )
    assert await pull_now(subscriber) == []


async def test_without_a_retry_policy_a_returned_message_comes_at_once(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await _publish(publisher, b"a")
    for attempt in (1, 2, 3):
        (received,) = await pull_now(subscriber)
        assert received.delivery_attempt == attempt
        await subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=0
        )


async def test_with_a_retry_policy_a_returned_message_waits_longer_each_time(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    name = f"{PROJECT}/subscriptions/patient"
    policy = types.RetryPolicy(minimum_backoff=timedelta(seconds=10), maximum_backoff=timedelta(seconds=60))
    await subscriber.create_subscription(
        types.Subscription(name=name, topic=TOPIC, retry_policy=policy, dead_letter_policy=COUNTED)
    )
    await _publish(publisher, b"a")

    for delay in (10, 20, 40, 60, 60):
        (received,) = await pull_now(subscriber, subscription=name)
        await subscriber.modify_ack_deadline(
            subscription=name, ack_ids=[received.ack_id], ack_deadline_seconds=0
        )
        clock.advance(delay - 0.001)
        assert await pull_now(subscriber, subscription=name) == []
        clock.advance(0.001)

    (received,) = await pull_now(subscriber, subscription=name)
    assert received.delivery_attempt == 6
    clock.advance(10 + 60)  # the ack deadline, which passes, and the delay after it
    assert len(await pull_now(subscriber, subscription=name)) == 1


async def test_a_pull_waits_for_a_message(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    pull = asyncio.create_task(subscriber.pull(subscription=SUBSCRIPTION, max_messages=1))
    assert await clock.wait_for_timer() == clock.now() + 5
    await _publish(publisher, b"a")
    (received,) = (await pull).received_messages
    assert received.message.data == b"a"


async def test_a_pull_waits_for_a_message_to_be_returned(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _publish(publisher, b"a")
    (first,) = await pull_now(subscriber)
    pull = asyncio.create_task(subscriber.pull(subscription=SUBSCRIPTION, max_messages=1))
    await clock.wait_for_timer()
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[first.ack_id], ack_deadline_seconds=0
    )
    (received,) = (await pull).received_messages
    assert received.delivery_attempt == 2


async def test_a_pull_of_an_empty_backlog_ends(
    subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    pull = asyncio.create_task(subscriber.pull(subscription=SUBSCRIPTION, max_messages=1))
    await clock.advance_when_asked(clock.now() + 5)
    assert not (await pull).received_messages


async def test_without_a_dead_letter_policy_no_attempt_is_told(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    name = f"{PROJECT}/subscriptions/uncounted"
    await subscriber.create_subscription(name=name, topic=TOPIC)
    await _publish(publisher, b"a")
    (received,) = await pull_now(subscriber, subscription=name)
    assert received.delivery_attempt == 0


async def test_two_pulls_share_the_backlog(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await _publish(publisher, *(b"%d" % number for number in range(20)))
    pulls = await asyncio.gather(*(pull_now(subscriber, max_messages=7) for _ in range(3)))
    data = [received.message.data for pull in pulls for received in pull]
    assert sorted(data, key=int) == [b"%d" % number for number in range(20)]


async def test_bad_calls_are_refused(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await _publish(publisher, b"a")
    (received,) = await pull_now(subscriber)
    missing = f"{PROJECT}/subscriptions/other"
    await subscriber.create_subscription(name=f"{SUBSCRIPTION}-2", topic=TOPIC)

    with pytest.raises(exceptions.InvalidArgument, match="max_messages is 0: give 1 or more"):
        await subscriber.pull(subscription=SUBSCRIPTION, max_messages=0)
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await subscriber.pull(subscription=missing, max_messages=1)
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await subscriber.acknowledge(subscription=missing, ack_ids=[received.ack_id])
    with pytest.raises(exceptions.InvalidArgument, match="You have not specified an ack ID"):
        await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[])
    for ack_id in ("", "nonsense", "1-2", "1-2-3\n", f"{'9' * 30}-1-1", "1-1-1-1"):
        with pytest.raises(exceptions.InvalidArgument, match=r"invalid ack ID to the service \(ack_id="):
            await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id, ack_id])
    with pytest.raises(exceptions.InvalidArgument, match="invalid ack ID"):
        await subscriber.acknowledge(subscription=f"{SUBSCRIPTION}-2", ack_ids=[received.ack_id])
    for seconds in (-1, 601):
        with pytest.raises(exceptions.InvalidArgument, match=f"ack_deadline_seconds is {seconds}"):
            await subscriber.modify_ack_deadline(
                subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=seconds
            )


async def test_a_refused_acknowledgement_settles_nothing(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await _publish(publisher, b"a")
    (received,) = await pull_now(subscriber)
    with pytest.raises(exceptions.InvalidArgument):
        await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id, "nonsense"])
    (backlog,) = await pubsub.backlogs()
    assert backlog.unacknowledged == 1


async def test_a_push_subscription_is_not_pulled(subscriber: SubscriberAsyncClient) -> None:
    name = f"{PROJECT}/subscriptions/pushed"
    push_config = types.PushConfig(push_endpoint=ENDPOINT)
    await subscriber.create_subscription(name=name, topic=TOPIC, push_config=push_config)
    with pytest.raises(exceptions.FailedPrecondition, match="not supported for push subscriptions"):
        await subscriber.pull(subscription=name, max_messages=1)
