"""Google's clients on one emulator, and what they see in a form that two emulators can be compared by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from google.api_core.exceptions import GoogleAPICallError
from google.protobuf.json_format import MessageToDict
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from tests.emulator.pubsub.pulling import pull_now

Seen = dict[str, Any]
"""What was seen, by step: JSON-like values without ids and times."""

_OWN = frozenset({"ack_id", "message_id", "message_ids", "publish_time", "expire_time", "next_page_token"})
"""Fields whose values are each emulator's own."""

_PULL_TIMEOUT = 10  # seconds


class Session:
    """One scenario on one emulator, in a project of its own."""

    def __init__(self, publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, name: str) -> None:
        self.publisher = publisher
        self.subscriber = subscriber
        self.project = f"projects/{name}"
        self.topic = f"{self.project}/topics/topic"
        self.subscription = f"{self.project}/subscriptions/subscription"

    async def subscribe(self, **fields: Any) -> Seen:
        """Create the topic where there is none yet, and a subscription."""
        await self.seen(self.publisher.create_topic(name=self.topic))
        settings = {"name": self.subscription, "topic": self.topic, **fields}
        return await self.seen(self.subscriber.create_subscription(types.Subscription(settings)))

    async def publish(self, *messages: str | types.PubsubMessage) -> None:
        wanted = [
            types.PubsubMessage(data=each.encode()) if isinstance(each, str) else each for each in messages
        ]
        await self.publisher.publish(topic=self.topic, messages=wanted)

    async def pull(self, limit: int = 10, subscription: str = "") -> list[types.ReceivedMessage]:
        """At least one message, which is waited for."""
        pulled = await self.subscriber.pull(
            subscription=subscription or self.subscription, max_messages=limit, timeout=_PULL_TIMEOUT
        )
        return list(pulled.received_messages)

    async def pull_until(self, count: int, subscription: str = "") -> list[types.ReceivedMessage]:
        """So many messages, in the order in which they come; an emulator may spread them over pulls."""
        received: list[types.ReceivedMessage] = []
        async with asyncio.timeout(_PULL_TIMEOUT):
            while len(received) < count:
                received.extend(await self.pull(count - len(received), subscription))
        return received

    async def rest(self) -> list[str]:
        """The data of what can be pulled without waiting."""
        return data(await pull_now(self.subscriber, subscription=self.subscription))

    async def acknowledge(self, *received: types.ReceivedMessage) -> Seen:
        ids = [each.ack_id for each in received]
        return await self.seen(self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids))

    async def give_back(self, *received: types.ReceivedMessage) -> None:
        ids = [each.ack_id for each in received]
        await self.subscriber.modify_ack_deadline(
            subscription=self.subscription, ack_ids=ids, ack_deadline_seconds=0
        )

    async def seen(self, call: Awaitable[Any]) -> Seen:
        """The response without what is its emulator's own, or the error's code (wordings differ)."""
        try:
            response = await call
        except GoogleAPICallError as error:
            code = error.grpc_status_code
            return {"error": code.name if code else type(error).__name__}
        if response is None:
            return {}
        return plain(response)


def data(received: list[types.ReceivedMessage]) -> list[str]:
    return [each.message.data.decode() for each in received]


def plain(message: Any) -> Seen:
    """A proto-plus message as a dictionary."""
    page = getattr(message, "_response", message)  # a pager holds its first page
    fields: Seen = _without_own(MessageToDict(type(page).pb(page), preserving_proto_field_name=True))
    return fields


def _without_own(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_own(inner) for key, inner in value.items() if key not in _OWN}
    if isinstance(value, list):
        return [_without_own(inner) for inner in value]
    return value


@asynccontextmanager
async def session(address: str, name: str) -> AsyncIterator[Session]:
    async with grpc.aio.insecure_channel(address) as channel:
        publishing = PublisherGrpcAsyncIOTransport(channel=channel)
        subscribing = SubscriberGrpcAsyncIOTransport(channel=channel)
        yield Session(
            await asyncio.to_thread(PublisherAsyncClient, transport=publishing),
            await asyncio.to_thread(SubscriberAsyncClient, transport=subscribing),
            name,
        )
