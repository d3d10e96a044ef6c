"""The Publisher service's resources, by Google's client."""

from __future__ import annotations

import grpc
import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC


async def test_a_topic_is_created_read_and_deleted(publisher: PublisherAsyncClient) -> None:
    created = await publisher.create_topic(types.Topic(name=TOPIC, labels={"team": "speech"}))
    assert created == types.Topic(name=TOPIC, labels={"team": "speech"}, state=types.Topic.State.ACTIVE)
    assert await publisher.get_topic(topic=TOPIC) == created

    await publisher.delete_topic(topic=TOPIC)

    with pytest.raises(exceptions.NotFound, match=r"Resource not found \(resource=events\)\."):
        await publisher.get_topic(topic=TOPIC)
    with pytest.raises(exceptions.NotFound, match=r"resource=events"):
        await publisher.delete_topic(topic=TOPIC)


async def test_a_topic_that_exists_is_not_created_again(publisher: PublisherAsyncClient) -> None:
    await publisher.create_topic(name=TOPIC)
    with pytest.raises(exceptions.AlreadyExists, match=r"already exists in the project \(resource=events\)"):
        await publisher.create_topic(name=TOPIC)


async def test_topics_are_listed_by_project_in_pages(publisher: PublisherAsyncClient) -> None:
    expected = [f"{PROJECT}/topics/topic-{number}" for number in range(5)]
    for name in [*reversed(expected), "projects/other/topics/theirs", f"{PROJECT}-2/topics/theirs"]:
        await publisher.create_topic(name=name)

    pager = await publisher.list_topics(types.ListTopicsRequest(project=PROJECT, page_size=2))
    pages = [[topic.name for topic in page.topics] async for page in pager.pages]

    assert pages == [expected[0:2], expected[2:4], expected[4:]]


@pytest.mark.parametrize(
    ("page_size", "page_token", "problem"),
    [(-1, "", "page_size is -1"), (1, "§", "page_token is no token"), (1, "_w==", "page_token is no token")],
)
async def test_a_page_nobody_can_turn_to_is_refused(
    publisher: PublisherAsyncClient, page_size: int, page_token: str, problem: str
) -> None:
    request = types.ListTopicsRequest(project=PROJECT, page_size=page_size, page_token=page_token)
    with pytest.raises(exceptions.InvalidArgument, match=problem):
        await publisher.list_topics(request)


async def test_a_topic_lists_its_subscriptions(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=TOPIC)
    names = [f"{PROJECT}/subscriptions/worker-{number}" for number in range(3)]
    for name in names:
        await subscriber.create_subscription(name=name, topic=TOPIC)

    request = types.ListTopicSubscriptionsRequest(topic=TOPIC, page_size=2)
    pager = await publisher.list_topic_subscriptions(request)

    assert [name async for name in pager] == names
    with pytest.raises(exceptions.NotFound, match="resource=other"):
        await publisher.list_topic_subscriptions(topic=f"{PROJECT}/topics/other")


async def test_subscriptions_outlive_their_topic(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"kept")])

    await publisher.delete_topic(topic=TOPIC)
    await publisher.create_topic(name=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"to the new topic")])

    assert (await subscriber.get_subscription(subscription=SUBSCRIPTION)).topic == "_deleted-topic_"
    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=10)
    assert [received.message.data for received in pulled.received_messages] == [b"kept"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "events",
        f"xx{TOPIC}",
        f"{TOPIC}/more",
        f"{TOPIC}\n",
        f"{PROJECT}/topics/ab",
        f"{PROJECT}/topics/1st",
        f"{PROJECT}/topics/google-events",
        f"{PROJECT}/topics/{'a' * 256}",
        f"{PROJECT}/topics/sp ace",
        SUBSCRIPTION,
    ],
)
async def test_a_name_off_the_grammar_is_refused(publisher: PublisherAsyncClient, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=r"Invalid resource name given \(name="):
        await publisher.create_topic(name=name)


async def test_a_feature_that_is_not_served_is_refused_by_name(
    publisher: PublisherAsyncClient, channel: grpc.aio.Channel
) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=r"Topic\.schema_settings is not served"):
        await publisher.create_topic(
            types.Topic(name=TOPIC, schema_settings=types.SchemaSettings(schema="projects/dev/schemas/s"))
        )


async def test_topic_settings_without_effect_here_are_echoed(publisher: PublisherAsyncClient) -> None:
    retention = duration_pb2.Duration(seconds=86_400)
    topic = types.Topic(name=TOPIC, kms_key_name="key", message_retention_duration=retention)
    await publisher.create_topic(topic)
    read = await publisher.get_topic(topic=TOPIC)
    assert read.kms_key_name == "key"
    assert read.message_retention_duration == topic.message_retention_duration
