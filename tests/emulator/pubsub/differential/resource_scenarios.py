"""What is done with resources on both emulators; each scenario returns what it saw, by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from tests.emulator.pubsub.differential.session import Seen, Session


async def topics(on: Session) -> Seen:
    publisher, topic = on.publisher, on.topic

    async def update(paths: list[str], **fields: Any) -> Seen:
        wanted = types.Topic({"name": topic, **fields})
        return await on.seen(publisher.update_topic(topic=wanted, update_mask=FieldMask(paths=paths)))

    return {
        "create": await on.seen(publisher.create_topic(types.Topic(name=topic, labels={"a": "b"}))),
        "again": await on.seen(publisher.create_topic(name=topic)),
        "short name": await on.seen(publisher.create_topic(name=f"{on.project}/topics/ab")),
        "no name": await on.seen(publisher.create_topic(name="topic")),
        "goog": await on.seen(publisher.create_topic(name=f"{on.project}/topics/googol")),
        "get": await on.seen(publisher.get_topic(topic=topic)),
        "list": await on.seen(publisher.list_topics(project=on.project)),
        "update nothing": await update([]),
        "update the unknown": await update(["bogus"]),
        "update retention": await update(
            ["message_retention_duration"], message_retention_duration=timedelta(hours=1)
        ),
        "update retention too short": await update(
            ["message_retention_duration"], message_retention_duration=timedelta(seconds=1)
        ),
        "update labels": await update(["labels"], labels={"c": "d"}),
        "subscriptions": await on.seen(publisher.list_topic_subscriptions(topic=topic)),
        "delete": await on.seen(publisher.delete_topic(topic=topic)),
        "delete again": await on.seen(publisher.delete_topic(topic=topic)),
        "get the deleted": await on.seen(publisher.get_topic(topic=topic)),
        "publish to the deleted": await on.seen(
            publisher.publish(topic=topic, messages=[types.PubsubMessage(data=b"x")])
        ),
    }


async def subscriptions(on: Session) -> Seen:
    subscriber = on.subscriber

    async def update(paths: list[str], **fields: Any) -> Seen:
        wanted = types.Subscription({"name": on.subscription, **fields})
        mask = FieldMask(paths=paths)
        return await on.seen(subscriber.update_subscription(subscription=wanted, update_mask=mask))

    async def create(name: str, **fields: Any) -> Seen:
        """And delete it again, where one emulator takes what the other refuses."""
        wanted = {"name": f"{on.project}/subscriptions/{name}", "topic": on.topic, **fields}
        created = await on.seen(subscriber.create_subscription(types.Subscription(wanted)))
        if "error" not in created:
            await subscriber.delete_subscription(subscription=wanted["name"])
        return created

    push = {"push_endpoint": "http://127.0.0.1:9/push", "attributes": {"x-goog-version": "v1"}}
    return {
        "create": await on.subscribe(),
        "again": await on.subscribe(),
        "without topic": await create("lost", topic=f"{on.project}/topics/none"),
        "deadline too short": await create("brief", ack_deadline_seconds=9),
        "deadline too long": await create("long", ack_deadline_seconds=601),
        "retention too short": await create("brief", message_retention_duration=timedelta(seconds=599)),
        "retention too long": await create("long", message_retention_duration=timedelta(days=32)),
        "all settings": await create(
            "everything",
            ack_deadline_seconds=60,
            retain_acked_messages=True,
            message_retention_duration=timedelta(hours=1),
            enable_message_ordering=True,
            expiration_policy={"ttl": timedelta(days=2)},
            filter="attributes:a",
            retry_policy={
                "minimum_backoff": timedelta(seconds=5),
                "maximum_backoff": timedelta(seconds=50),
            },
            dead_letter_policy={"dead_letter_topic": on.topic},
        ),
        "few attempts": await create(
            "few", dead_letter_policy={"dead_letter_topic": on.topic, "max_delivery_attempts": 4}
        ),
        "many attempts": await create(
            "many", dead_letter_policy={"dead_letter_topic": on.topic, "max_delivery_attempts": 101}
        ),
        "no such dead-letter topic": await create(
            "astray", dead_letter_policy={"dead_letter_topic": f"{on.project}/topics/none"}
        ),
        "update nothing": await update([]),
        "update the unknown": await update(["bogus"]),
        "update the name": await update(["name"]),
        "update the topic": await update(["topic"], topic=on.topic),
        "update the filter": await update(["filter"], filter="attributes:a"),
        "update the ordering": await update(["enable_message_ordering"], enable_message_ordering=True),
        "update deadline": await update(["ack_deadline_seconds"], ack_deadline_seconds=20),
        "update in camel case": await update(["ackDeadlineSeconds"], ack_deadline_seconds=30),
        "update to the default": await update(["ack_deadline_seconds"]),
        "update exactly once": await update(
            ["enable_exactly_once_delivery"], enable_exactly_once_delivery=True
        ),
        "update back": await update(["enable_exactly_once_delivery"]),
        "update push": await update(["push_config"], push_config=push),
        "pull a push subscription": await on.seen(
            on.subscriber.pull(subscription=on.subscription, max_messages=1, timeout=3)
        ),
        "update pull": await update(["push_config"]),
        "list": await on.seen(subscriber.list_subscriptions(project=on.project)),
        "of the topic": await on.seen(on.publisher.list_topic_subscriptions(topic=on.topic)),
        "delete the topic": await on.seen(on.publisher.delete_topic(topic=on.topic)),
        "get without topic": await on.seen(subscriber.get_subscription(subscription=on.subscription)),
        "delete": await on.seen(subscriber.delete_subscription(subscription=on.subscription)),
        "delete again": await on.seen(subscriber.delete_subscription(subscription=on.subscription)),
    }
