"""UpdateTopic, UpdateSubscription and DetachSubscription: masks, what follows for the backlog, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import publish_all
from tests.emulator.pubsub.resources import DEAD_TOPIC, ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import streaming
from tests.emulator.target import Target

pytestmark = pytest.mark.usefixtures("subscription")


async def _update(
    subscriber: SubscriberAsyncClient, paths: Sequence[str], **fields: object
) -> types.Subscription:
    wanted = types.Subscription({"name": SUBSCRIPTION, **fields})
    return await subscriber.update_subscription(subscription=wanted, update_mask=FieldMask(paths=paths))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("ack_deadline_seconds", {"ack_deadline_seconds": 30}),
        ("ackDeadlineSeconds", {"ack_deadline_seconds": 30}),
        ("labels", {"labels": {"team": "speech"}}),
        ("retain_acked_messages", {"retain_acked_messages": True}),
        ("message_retention_duration", {"message_retention_duration": timedelta(hours=1)}),
        ("messageRetentionDuration", {"message_retention_duration": timedelta(hours=1)}),
        ("expiration_policy", {"expiration_policy": {"ttl": timedelta(days=2)}}),
        ("expiration_policy", {"expiration_policy": {}}),
        ("expirationPolicy.ttl", {"expiration_policy": {"ttl": timedelta(days=2)}}),
        ("enable_exactly_once_delivery", {"enable_exactly_once_delivery": True}),
        (
            "retry_policy",
            {
                "retry_policy": {
                    "minimum_backoff": timedelta(seconds=1),
                    "maximum_backoff": timedelta(seconds=9),
                }
            },
        ),
        (
            "dead_letter_policy",
            {"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 7}},
        ),
        (
            "push_config",
            {"push_config": {"push_endpoint": ENDPOINT, "attributes": {"x-goog-version": "v1"}}},
        ),
    ],
)
async def test_each_field_is_updated_alone(
    subscriber: SubscriberAsyncClient,
    subscription: types.Subscription,
    path: str,
    fields: dict[str, object],
) -> None:
    expected = types.Subscription({**types.Subscription.to_dict(subscription), **fields})
    ignored = {"labels": {"ignored": "yes"}, "ack_deadline_seconds": 77}

    updated = await _update(subscriber, [path], **{**ignored, **fields})

    assert updated == expected
    assert await subscriber.get_subscription(subscription=SUBSCRIPTION) == expected


async def test_nested_paths_leave_their_neighbours(subscriber: SubscriberAsyncClient) -> None:
    policy = {"dead_letter_topic": TOPIC, "max_delivery_attempts": 7}
    await _update(subscriber, ["dead_letter_policy"], dead_letter_policy=policy)
    updated = await _update(
        subscriber,
        ["deadLetterPolicy.maxDeliveryAttempts"],
        dead_letter_policy={"dead_letter_topic": "ignored", "max_delivery_attempts": 9},
    )
    assert updated.dead_letter_policy == types.DeadLetterPolicy(
        dead_letter_topic=TOPIC, max_delivery_attempts=9
    )


async def test_what_is_not_given_goes_back_to_its_default(subscriber: SubscriberAsyncClient) -> None:
    await _update(
        subscriber,
        ["ack_deadline_seconds", "message_retention_duration", "labels"],
        ack_deadline_seconds=60,
        message_retention_duration=timedelta(hours=1),
        labels={"a": "b"},
    )
    updated = await _update(subscriber, ["ack_deadline_seconds", "message_retention_duration", "labels"])
    assert updated.ack_deadline_seconds == 10
    assert updated.message_retention_duration == timedelta(days=7)
    assert not updated.labels


@pytest.mark.parametrize(
    ("paths", "fields", "problem"),
    [
        ([], {}, "update_mask in the UpdateSubscriptionRequest must be set, and must contain a non-empty"),
        (["bogus"], {}, "bogus is not a known Subscription field"),
        (["push_config.bogus"], {}, r"push_config\.bogus is not a known"),
        (["labels.team"], {}, r"labels\.team is not a known"),
        (["message_transforms.disabled"], {}, r"message_transforms\.disabled is not a known"),
        (["ack_deadline_seconds.x"], {}, "is not a known"),
        ([""], {}, "is not a known"),
        (["name"], {}, "the name field in the Subscription is not mutable"),
        (["topic"], {"topic": TOPIC}, "the topic field in the Subscription is not mutable"),
        (["filter"], {"filter": "attributes:a"}, "the filter field in the Subscription is not mutable"),
        (
            ["enableMessageOrdering"],
            {},
            "the enable_message_ordering field in the Subscription is not mutable",
        ),
        (["state"], {}, "the state field in the Subscription is not mutable"),
        (["detached"], {}, "the detached field in the Subscription is not mutable"),
        (["ack_deadline_seconds"], {"ack_deadline_seconds": 5}, "ack_deadline_seconds is 5: give 10 to 600"),
        (["push_config"], {"push_config": {"push_endpoint": "x"}}, "Invalid push endpoint given"),
        (
            ["expiration_policy.ttl"],
            {"expiration_policy": {"ttl": timedelta(hours=1)}},
            "ttl is 3600 s: give",
        ),
    ],
)
async def test_an_update_off_the_rules_changes_nothing(
    subscriber: SubscriberAsyncClient,
    subscription: types.Subscription,
    paths: list[str],
    fields: dict[str, object],
    problem: str,
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=problem):
        await _update(subscriber, paths, **fields)
    assert await subscriber.get_subscription(subscription=SUBSCRIPTION) == subscription


async def test_what_does_not_exist_is_not_updated(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await _update(subscriber, ["labels"], name=f"{PROJECT}/subscriptions/other")
    with pytest.raises(exceptions.NotFound, match="resource=dead"):
        await _update(
            subscriber, ["dead_letter_policy"], dead_letter_policy={"dead_letter_topic": DEAD_TOPIC}
        )
    with pytest.raises(exceptions.NotFound, match="resource=dead"):
        await publisher.update_topic(
            topic=types.Topic(name=DEAD_TOPIC), update_mask=FieldMask(paths=["labels"])
        )


async def test_a_new_endpoint_gets_the_backlog(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    await publish_all(publisher, b"a")
    await _update(subscriber, ["push_config"], push_config={"push_endpoint": ENDPOINT})
    (request,) = await endpoint.received(1)
    assert request.url == ENDPOINT


async def test_a_shorter_retention_counts_at_once(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await publish_all(publisher, b"a")
    clock.advance(600)
    await _update(
        subscriber, ["message_retention_duration"], message_retention_duration=timedelta(seconds=600)
    )
    assert await pull_now(subscriber) == []


async def test_a_subscription_without_a_topic_is_updated_too(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.delete_topic(topic=TOPIC)
    updated = await _update(subscriber, ["labels"], labels={"a": "b"})
    assert (updated.topic, dict(updated.labels)) == ("_deleted-topic_", {"a": "b"})


async def test_a_topic_is_updated_by_mask(publisher: PublisherAsyncClient) -> None:
    wanted = types.Topic(name=TOPIC, labels={"a": "b"}, kms_key_name="ignored")
    updated = await publisher.update_topic(topic=wanted, update_mask=FieldMask(paths=["labels"]))
    assert updated == types.Topic(name=TOPIC, labels={"a": "b"}, state=types.Topic.State.ACTIVE)
    storage = types.MessageStoragePolicy(allowed_persistence_regions=["europe-west4"])
    updated = await publisher.update_topic(
        topic=types.Topic(name=TOPIC, message_storage_policy=storage),
        update_mask=FieldMask(paths=["messageStoragePolicy"]),
    )
    assert await publisher.get_topic(topic=TOPIC) == updated
    assert updated.message_storage_policy == storage


@pytest.mark.parametrize(
    ("paths", "topic", "error", "problem"),
    [
        ([], {}, exceptions.InvalidArgument, "update_mask in the UpdateTopicRequest must be set"),
        (["bogus"], {}, exceptions.InvalidArgument, "bogus is not a known Topic field"),
        (["name"], {}, exceptions.InvalidArgument, "the name field in the Topic is not mutable"),
        (
            ["message_retention_duration"],
            {"message_retention_duration": timedelta(seconds=10)},
            exceptions.InvalidArgument,
            r"Topic\.message_retention_duration is 10 s",
        ),
        (
            ["schema_settings"],
            {"schema_settings": {"schema": "projects/dev/schemas/s"}},
            exceptions.MethodNotImplemented,
            r"Topic\.schema_settings is not served",
        ),
    ],
)
async def test_a_topic_update_off_the_rules_is_refused(
    publisher: PublisherAsyncClient,
    paths: list[str],
    topic: dict[str, object],
    error: type[Exception],
    problem: str,
) -> None:
    with pytest.raises(error, match=problem):
        await publisher.update_topic(
            topic=types.Topic({"name": TOPIC, **topic}), update_mask=FieldMask(paths=paths)
        )


async def test_a_detached_subscription_holds_and_gets_nothing(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await publish_all(publisher, b"dropped")
    async with streaming(subscriber) as stream:
        await stream.messages(1)
        await publisher.detach_subscription(types.DetachSubscriptionRequest(subscription=SUBSCRIPTION))
        with pytest.raises(exceptions.FailedPrecondition, match="is detached from its topic"):
            await stream.response()
    await publish_all(publisher, b"to nobody")

    with pytest.raises(exceptions.FailedPrecondition, match="is detached"):
        await pull_now(subscriber)
    with pytest.raises(exceptions.FailedPrecondition, match="is detached"):
        await subscriber.seek(types.SeekRequest(subscription=SUBSCRIPTION, time={"seconds": 1}))
    found = await subscriber.get_subscription(subscription=SUBSCRIPTION)
    assert (found.detached, found.topic) == (True, TOPIC)
    assert [each async for each in await publisher.list_topic_subscriptions(topic=TOPIC)] == []
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [0]


async def test_a_detached_push_subscription_pushes_no_more(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, endpoint: Target
) -> None:
    await _update(subscriber, ["push_config"], push_config={"push_endpoint": ENDPOINT})
    await publisher.detach_subscription(types.DetachSubscriptionRequest(subscription=SUBSCRIPTION))
    other = f"{PROJECT}/subscriptions/other"
    await subscriber.create_subscription(
        name=other, topic=TOPIC, push_config=types.PushConfig(push_endpoint=f"{ENDPOINT}/2")
    )
    await publish_all(publisher, b"a")
    assert [request.url for request in await endpoint.received(1)] == [f"{ENDPOINT}/2"]
