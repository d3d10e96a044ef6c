"""What the push tests do again and again: make a push subscription, publish, wait for acknowledgements."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from google.pubsub_v1 import PublisherAsyncClient, types

from emulator.pubsub import PubSub
from tests.emulator.pubsub.resources import ENDPOINT, SUBSCRIPTION, TOPIC


def pushed(**fields: object) -> types.Subscription:
    push_config = {"push_endpoint": ENDPOINT}
    return types.Subscription({"name": SUBSCRIPTION, "topic": TOPIC, "push_config": push_config, **fields})


def patient(minimum: float, maximum: float) -> dict[str, timedelta]:
    return {"minimum_backoff": timedelta(seconds=minimum), "maximum_backoff": timedelta(seconds=maximum)}


async def publish_all(publisher: PublisherAsyncClient, *data: bytes) -> list[str]:
    messages = [types.PubsubMessage(data=each) for each in data]
    return list((await publisher.publish(topic=TOPIC, messages=messages)).message_ids)


async def all_acknowledged(pubsub: PubSub) -> None:
    """Return once nothing is left; each look is a transaction of the store, which nothing announces."""
    async with asyncio.timeout(20):
        while any(backlog.unacknowledged for backlog in await pubsub.backlogs()):
            pass
