"""Publishing, by Google's clients: ids, limits, and where the messages go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


async def test_each_subscription_gets_each_message(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    both = [SUBSCRIPTION, f"{SUBSCRIPTION}-2"]
    for name in both:
        await subscriber.create_subscription(name=name, topic=TOPIC)
    published = [
        types.PubsubMessage(data="größe".encode(), attributes={"kind": "a"}, ordering_key="stream"),
        types.PubsubMessage(attributes={"only": "attributes"}),
    ]

    response = await publisher.publish(topic=TOPIC, messages=published)

    first, second = response.message_ids
    assert int(first) < int(second)
    for name in both:
        pulled = await subscriber.pull(subscription=name, max_messages=10)
        messages = [received.message for received in pulled.received_messages]
        assert [message.message_id for message in messages] == [first, second]
        assert [(message.data, dict(message.attributes)) for message in messages] == [
            ("größe".encode(), {"kind": "a"}),
            (b"", {"only": "attributes"}),
        ]
        assert messages[0].ordering_key == "stream"
        stamp = types.PubsubMessage.pb(messages[0]).publish_time
        assert stamp.ToMicroseconds() == round(clock.now() * 1_000_000)


async def test_a_topic_without_subscriptions_keeps_nothing(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    before = await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"to nobody")])
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    after = await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"to one")])

    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=10)

    assert [received.message.message_id for received in pulled.received_messages] == list(after.message_ids)
    assert int(before.message_ids[0]) < int(after.message_ids[0])


async def test_ids_of_an_emptied_data_folder_do_not_come_again(
    publisher: PublisherAsyncClient, clock: ObservedClock
) -> None:
    response = await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"first")])
    assert int(response.message_ids[0]) == round(clock.now() * 1_000_000) + 1


async def test_publishing_needs_a_topic(publisher: PublisherAsyncClient) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Resource not found \(resource=other\)\."):
        await publisher.publish(topic=f"{PROJECT}/topics/other", messages=[types.PubsubMessage(data=b"x")])
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name"):
        await publisher.publish(topic="other", messages=[types.PubsubMessage(data=b"x")])


def _attributes(count: int) -> types.PubsubMessage:
    return types.PubsubMessage(attributes={f"key-{number}": "v" for number in range(count)})


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], "PublishRequest.messages is empty"),
        ([types.PubsubMessage(data=b"x"), types.PubsubMessage()], r"messages\[1\] is empty"),
        ([types.PubsubMessage(data=b"x")] * 1001, "You passed 1001 in the request"),
        ([types.PubsubMessage(data=bytes(10_000_001))], "exceeds the limit: 10000000 bytes"),
        ([types.PubsubMessage(data=bytes(6_000_000))] * 2, "exceeds the limit"),
        ([_attributes(101)], "has 101 attributes; the maximum is 100"),
        ([types.PubsubMessage(attributes={"": "v"})], "a key of 0 bytes; give 1 to 256"),
        ([types.PubsubMessage(attributes={"ö" * 129: "v"})], "a key of 258 bytes"),
        ([types.PubsubMessage(attributes={"googclient": "v"})], "are reserved"),
        ([types.PubsubMessage(attributes={"key": "v" * 1025})], r'\["key"\] is a value of 1025 bytes'),
        ([types.PubsubMessage(data=b"x", ordering_key="o" * 1025)], "ordering_key is of 1025 bytes"),
    ],
)
async def test_a_publish_over_a_limit_is_refused_whole(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    pubsub: PubSub,
    messages: list[types.PubsubMessage],
    problem: str,
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    with pytest.raises(exceptions.InvalidArgument, match=problem):
        await publisher.publish(topic=TOPIC, messages=messages)
    (backlog,) = await pubsub.backlogs()
    assert backlog.unacknowledged == 0


async def test_a_publish_at_the_limits_is_taken(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=bytes(9_990_000))])
    small = types.PubsubMessage(attributes={"k" * 256: "v" * 1024})
    await publisher.publish(topic=TOPIC, messages=[small] * 1000)

    alone = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1000)
    rest = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=2000)

    assert [len(received.message.data) for received in alone.received_messages] == [9_990_000]
    assert [received.message.attributes for received in rest.received_messages] == [small.attributes] * 1000


async def test_a_pull_stays_below_what_a_plain_channel_receives(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=bytes(1_000_000))] * 5)

    sizes = [
        len((await subscriber.pull(subscription=SUBSCRIPTION, max_messages=10)).received_messages)
        for _ in "ab"
    ]

    assert sizes == [3, 2]


async def test_messages_expire_with_the_retention_of_their_subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, pubsub: PubSub
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"old")])
    clock.advance(7 * 86_400 - 1)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"young")])
    clock.advance(1)

    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=10)

    assert [received.message.data for received in pulled.received_messages] == [b"young"]
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [1]


async def test_expired_messages_leave_the_disk(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    clock: ObservedClock,
    tmp_path: Path,
    pubsub: PubSub,
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    for _ in range(3):
        await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"x")])
        clock.advance(8 * 86_400)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"x")])

    stored = await pubsub._store.read(
        lambda db: db.execute(
            "SELECT (SELECT count(*) FROM pubsub_messages), (SELECT count(*) FROM pubsub_deliveries)"
        ).fetchone()
    )
    assert stored == (1, 1)


async def test_the_public_publisher_finds_it_by_the_environment(
    subscriber: SubscriberAsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)

    def publish() -> str:
        with PublisherClient() as client:
            return str(client.publish(TOPIC, b"from a thread", kind="sync").result(timeout=30))

    message_id = await asyncio.to_thread(publish)

    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
    (received,) = pulled.received_messages
    assert (received.message.message_id, received.message.data) == (message_id, b"from a thread")
    assert dict(received.message.attributes) == {"kind": "sync"}
