"""The Subscriber service's resources, by Google's client."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.resources import ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def test_a_subscription_is_created_with_the_clouds_defaults(subscriber: SubscriberAsyncClient) -> None:
    created = await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)

    assert created == types.Subscription(
        name=SUBSCRIPTION,
        topic=TOPIC,
        push_config=types.PushConfig(),
        ack_deadline_seconds=10,
        message_retention_duration=timedelta(days=7),
        expiration_policy=types.ExpirationPolicy(ttl=timedelta(days=31)),
        state=types.Subscription.State.ACTIVE,
    )
    assert await subscriber.get_subscription(subscription=SUBSCRIPTION) == created


async def test_what_a_retry_policy_leaves_out_is_filled_in(subscriber: SubscriberAsyncClient) -> None:
    created = await subscriber.create_subscription(
        types.Subscription(
            name=SUBSCRIPTION,
            topic=TOPIC,
            retry_policy=types.RetryPolicy(minimum_backoff=timedelta(seconds=1)),
        )
    )
    assert created.retry_policy == types.RetryPolicy(
        minimum_backoff=timedelta(seconds=1), maximum_backoff=timedelta(seconds=600)
    )


async def test_a_subscription_is_deleted_with_its_backlog(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"gone")])
    old = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)

    await subscriber.delete_subscription(subscription=SUBSCRIPTION)

    with pytest.raises(exceptions.NotFound, match=r"Resource not found \(resource=worker\)\."):
        await subscriber.get_subscription(subscription=SUBSCRIPTION)
    with pytest.raises(exceptions.NotFound, match="resource=worker"):
        await subscriber.delete_subscription(subscription=SUBSCRIPTION)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    assert await pull_now(subscriber) == []
    with pytest.raises(exceptions.InvalidArgument, match="invalid ack ID"):
        await subscriber.acknowledge(
            subscription=SUBSCRIPTION, ack_ids=[received.ack_id for received in old.received_messages]
        )


async def test_subscriptions_are_listed_by_project_in_pages(subscriber: SubscriberAsyncClient) -> None:
    expected = [f"{PROJECT}/subscriptions/worker-{number}" for number in range(5)]
    for name in [*reversed(expected), "projects/other/subscriptions/theirs"]:
        await subscriber.create_subscription(name=name, topic=TOPIC)

    pager = await subscriber.list_subscriptions(types.ListSubscriptionsRequest(project=PROJECT, page_size=2))

    assert [subscription.name async for subscription in pager] == expected


async def test_creating_needs_a_topic_and_a_free_name(subscriber: SubscriberAsyncClient) -> None:
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await subscriber.create_subscription(name=SUBSCRIPTION, topic=f"{PROJECT}/topics/other")
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    with pytest.raises(exceptions.AlreadyExists, match="resource=worker"):
        await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)


def _subscription(**fields: object) -> types.Subscription:
    return types.Subscription({"name": SUBSCRIPTION, "topic": TOPIC, **fields})


def _backoff(minimum: float, maximum: float) -> dict[str, timedelta]:
    return {"minimum_backoff": timedelta(seconds=minimum), "maximum_backoff": timedelta(seconds=maximum)}


@pytest.mark.parametrize(
    ("subscription", "problem"),
    [
        (_subscription(name="worker"), r"Invalid resource name given \(name=worker\)"),
        (_subscription(name=f"{SUBSCRIPTION}/x"), "Invalid resource name given"),
        (_subscription(topic="events"), r"Invalid resource name given \(name=events\)"),
        (_subscription(ack_deadline_seconds=9), "ack_deadline_seconds is 9: give 10 to 600"),
        (_subscription(ack_deadline_seconds=601), "ack_deadline_seconds is 601"),
        (_subscription(ack_deadline_seconds=-1), "ack_deadline_seconds is -1"),
        (
            _subscription(message_retention_duration=timedelta(seconds=599)),
            "message_retention_duration is 599 s",
        ),
        (_subscription(message_retention_duration=timedelta(days=32)), "message_retention_duration is"),
        (
            _subscription(message_retention_duration=duration_pb2.Duration(seconds=2**62)),
            "message_retention_duration is",
        ),
        (_subscription(retry_policy=_backoff(-1, 10)), r"retry_policy\.minimum_backoff is -1 s"),
        (_subscription(retry_policy=_backoff(1, 601)), r"retry_policy\.maximum_backoff is 601 s"),
        (_subscription(retry_policy=_backoff(20, 10)), r"minimum_backoff \(20 s\) is more than"),
        (_subscription(push_config={"push_endpoint": "handlers/events"}), "Invalid push endpoint given"),
        (_subscription(push_config={"push_endpoint": "ftp://handlers"}), "Invalid push endpoint given"),
        (_subscription(push_config={"push_endpoint": "http://[bad/"}), "Invalid push endpoint given"),
        (_subscription(push_config={"push_endpoint": "http://host:port/"}), "Invalid push endpoint given"),
        (
            _subscription(push_config={"push_endpoint": ENDPOINT, "oidc_token": {"audience": "a"}}),
            r"oidc_token\.service_account_email is empty",
        ),
        (
            _subscription(push_config={"push_endpoint": ENDPOINT, "attributes": {"x-goog-version": "v0"}}),
            "only v1 is served",
        ),
    ],
)
async def test_a_setting_out_of_bounds_is_refused_by_name(
    subscriber: SubscriberAsyncClient, subscription: types.Subscription, problem: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=problem):
        await subscriber.create_subscription(subscription)
    assert not [found async for found in await subscriber.list_subscriptions(project=PROJECT)]


@pytest.mark.parametrize(
    ("subscription", "field"),
    [
        (_subscription(bigquery_config={"table": "a.b.c"}), r"Subscription\.bigquery_config"),
        (_subscription(bigtable_config={"table": "t"}), r"Subscription\.bigtable_config"),
        (_subscription(cloud_storage_config={"bucket": "b"}), r"Subscription\.cloud_storage_config"),
    ],
)
async def test_a_feature_that_is_not_served_is_refused_by_name(
    subscriber: SubscriberAsyncClient, subscription: types.Subscription, field: str
) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=f"{field} is not served by this emulator yet"):
        await subscriber.create_subscription(subscription)
