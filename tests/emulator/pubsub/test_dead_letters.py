"""Dead-letter topics: what goes there, when, with which attributes, by pull and by push, in one commit."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from google.api_core import exceptions
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.oidc import TokenIssuer
from emulator.pubsub import PubSub
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import patient, publish_all, pushed
from tests.emulator.pubsub.resources import DEAD_TOPIC, PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.target import Target

DEAD = f"{PROJECT}/subscriptions/dead"
POLICY = types.DeadLetterPolicy(dead_letter_topic=DEAD_TOPIC)


@pytest.fixture(autouse=True)
async def topics(publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient) -> None:
    await publisher.create_topic(name=TOPIC)
    await publisher.create_topic(name=DEAD_TOPIC)
    await subscriber.create_subscription(name=DEAD, topic=DEAD_TOPIC)


async def _create(subscriber: SubscriberAsyncClient, **fields: object) -> types.Subscription:
    settings = {"name": SUBSCRIPTION, "topic": TOPIC, "dead_letter_policy": POLICY, **fields}
    return await subscriber.create_subscription(types.Subscription(settings))


async def _give_back(subscriber: SubscriberAsyncClient, received: types.ReceivedMessage) -> None:
    await subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=0
    )


async def _fail(subscriber: SubscriberAsyncClient, times: int) -> None:
    """Give a message back so many times."""
    for _ in range(times):
        pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
        await _give_back(subscriber, pulled.received_messages[0])


async def _letter(subscriber: SubscriberAsyncClient) -> types.ReceivedMessage:
    pulled = await subscriber.pull(subscription=DEAD, max_messages=5)
    (received,) = pulled.received_messages
    return received


async def test_the_fifth_failure_forwards_the_message_and_says_where_from(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, pubsub: PubSub
) -> None:
    created = await _create(subscriber)
    assert created.dead_letter_policy.max_delivery_attempts == 5
    message = types.PubsubMessage(data=b"a", attributes={"kind": "x"}, ordering_key="stream")
    (message_id,) = (await publisher.publish(topic=TOPIC, messages=[message])).message_ids
    published = datetime.fromtimestamp(clock.now(), UTC).isoformat().replace("+00:00", "Z")
    clock.advance(3)
    for attempt in range(1, 6):
        (received,) = await pull_now(subscriber)
        assert received.delivery_attempt == attempt
        await _give_back(subscriber, received)

    letter = await _letter(subscriber)

    assert letter.delivery_attempt == 0
    assert letter.message.data == b"a"
    assert letter.message.message_id != message_id
    assert letter.message.ordering_key == "stream"
    assert dict(letter.message.attributes) == {
        "kind": "x",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": "worker",
        "CloudPubSubDeadLetterSourceSubscriptionProject": "example.com:dev",
        "CloudPubSubDeadLetterSourceTopicPublishTime": published,
    }
    assert await pull_now(subscriber) == []
    assert pubsub.statistics().dead_letters_total == 1


async def test_a_deadline_that_passes_is_a_failure_too(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    start = clock.now()
    await _create(subscriber, retry_policy=patient(0, 600))
    await publish_all(publisher, b"a")
    await _fail(subscriber, 4)
    await pull_now(subscriber)
    await clock.advance_when_asked(start + 10)
    assert (await _letter(subscriber)).message.data == b"a"


async def test_the_last_attempt_can_still_succeed(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub, clock: ObservedClock
) -> None:
    await _create(subscriber)
    await publish_all(publisher, b"a")
    await _fail(subscriber, 4)
    (received,) = await pull_now(subscriber)
    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.ack_id])
    clock.advance(600)
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [0, 0]


async def test_a_failed_push_is_forwarded_and_tells_its_attempts(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    fields = {"dead_letter_policy": POLICY, "retry_policy": patient(0, 600)}
    await subscriber.create_subscription(pushed(**fields))
    endpoint.will_answer([500] * 5)
    await publish_all(publisher, b"a")
    letter = await _letter(subscriber)
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    attempts = [json.loads(request.body)["deliveryAttempt"] for request in endpoint.requests]
    assert attempts == [1, 2, 3, 4, 5]


async def test_without_a_dead_letter_topic_the_message_stays(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await _create(subscriber, retry_policy=patient(10, 10))
    await publisher.delete_topic(topic=DEAD_TOPIC)
    await publish_all(publisher, b"a")
    for attempt in range(1, 9):
        (received,) = (await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)).received_messages
        assert received.delivery_attempt == attempt
        await _give_back(subscriber, received)
        clock.advance(10)
    await publisher.create_topic(name=DEAD_TOPIC)
    await subscriber.create_subscription(name=f"{DEAD}-2", topic=DEAD_TOPIC)
    await _fail(subscriber, 1)
    pulled = await subscriber.pull(subscription=f"{DEAD}-2", max_messages=1)
    counted = pulled.received_messages[0].message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"]
    assert counted == "9"


async def test_a_policy_that_is_taken_away_forwards_nothing(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await _create(subscriber)
    await publish_all(publisher, b"a")
    await _fail(subscriber, 4)
    (received,) = await pull_now(subscriber)
    await subscriber.update_subscription(
        subscription=types.Subscription(name=SUBSCRIPTION),
        update_mask=FieldMask(paths=["dead_letter_policy"]),
    )
    await _give_back(subscriber, received)
    (again,) = (await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)).received_messages
    assert (again.message.data, again.delivery_attempt) == (b"a", 0)


async def test_what_was_exhausted_at_the_end_is_forwarded_after_the_next_start(
    store: Store, clock: ObservedClock, issuer: TokenIssuer, endpoint: Target
) -> None:
    """Forwarding is one commit; the end comes before it here, and the start makes up for it."""
    first = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await first._forwarder.open()
    await first._forwarder.aclose()  # as if the process ended before it could forward
    dead = types.Subscription(name=f"{DEAD}-3", topic=DEAD_TOPIC)
    source = types.Subscription(name=SUBSCRIPTION, topic=TOPIC, dead_letter_policy=POLICY)
    await first.ensure([], [source, dead])
    publish = types.PublishRequest(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
    await first._publisher.publish(publish)
    for _ in range(5):
        pulled = await first._subscriber.pull(types.PullRequest(subscription=SUBSCRIPTION, max_messages=1))
        await first._subscriber.modify_ack_deadline(
            types.ModifyAckDeadlineRequest(
                subscription=SUBSCRIPTION, ack_ids=[pulled.received_messages[0].ack_id]
            )
        )
    assert {backlog.subscription: backlog.unacknowledged for backlog in await first.backlogs()} == {
        DEAD: 0,
        f"{DEAD}-3": 0,
        SUBSCRIPTION: 1,
    }

    second = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await second.open()
    pulled = await second._subscriber.pull(types.PullRequest(subscription=f"{DEAD}-3", max_messages=1))
    assert pulled.received_messages[0].message.data == b"a"
    assert sum(backlog.unacknowledged for backlog in await second.backlogs()) == 2  # both dead subscriptions
    await second.aclose()


@pytest.mark.parametrize(
    ("policy", "error", "problem"),
    [
        ({"max_delivery_attempts": 5}, exceptions.InvalidArgument, "Invalid resource name given"),
        ({"dead_letter_topic": f"{PROJECT}/topics/none"}, exceptions.NotFound, "resource=none"),
        (
            {"dead_letter_topic": DEAD_TOPIC, "max_delivery_attempts": 4},
            exceptions.OutOfRange,
            "max_delivery_attempts is too small. You passed 4 in the request, but the minimum value is 5",
        ),
        (
            {"dead_letter_topic": DEAD_TOPIC, "max_delivery_attempts": 101},
            exceptions.OutOfRange,
            "too large. You passed 101 in the request, but the maximum value is 100",
        ),
    ],
)
async def test_a_policy_out_of_bounds_is_refused(
    subscriber: SubscriberAsyncClient, policy: dict[str, object], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        await _create(subscriber, dead_letter_policy=policy)
