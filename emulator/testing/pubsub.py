"""Pub/Sub as a test sees it: Google's clients, and helpers for what tests do most; it changes no rule."""

from __future__ import annotations

from typing import Any

from google.api_core.gapic_v1.method_async import wrap_method
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient
from google.pubsub_v1.types import PubsubMessage, PullRequest, PushConfig, Subscription, Topic

from emulator.drain import pushes_left
from emulator.emulator import Emulator
from emulator.testing.deliveries import Deliveries
from emulator.testing.delivering import Delivering


class PubSubFixture(Delivering):
    """An emulator of one test. `publisher` and `subscriber` are Google's generated async clients on it."""

    _nowhere_to_go = "no app takes pushes, call pubsub.deliver_to(app)"

    def __init__(
        self,
        emulator: Emulator,
        publisher: PublisherAsyncClient,
        subscriber: SubscriberAsyncClient,
        deliveries: Deliveries,
    ) -> None:
        super().__init__(emulator, deliveries)
        self.publisher = publisher
        self.subscriber = subscriber
        self._pull = wrap_method(subscriber.transport.pull)  # the client warns of return_immediately

    def topic_path(self, topic: str) -> str:
        """The full name of a topic that is given by its id or its full name."""
        return topic if "/" in topic else f"projects/{self.project}/topics/{topic}"

    def subscription_path(self, subscription: str) -> str:
        """The same of a subscription."""
        return (
            subscription if "/" in subscription else f"projects/{self.project}/subscriptions/{subscription}"
        )

    async def create_topic(self, topic: str) -> Topic:
        return await self.publisher.create_topic(name=self.topic_path(topic))

    async def create_subscription(
        self, subscription: str, topic: str, *, push_endpoint: str | None = None, **fields: Any
    ) -> Subscription:
        """To be pulled, or pushed to `push_endpoint`; `fields` are those of google.pubsub_v1.Subscription."""
        if push_endpoint is not None:
            fields["push_config"] = PushConfig(push_endpoint=push_endpoint)
        return await self.subscriber.create_subscription(
            request=Subscription(
                name=self.subscription_path(subscription), topic=self.topic_path(topic), **fields
            )
        )

    async def publish(self, topic: str, data: bytes, *, ordering_key: str = "", **attributes: str) -> str:
        """Publish one message. Returns its id."""
        message = PubsubMessage(data=data, attributes=attributes, ordering_key=ordering_key)
        published = await self.publisher.publish(topic=self.topic_path(topic), messages=[message])
        return str(published.message_ids[0])

    async def pull(self, subscription: str, *, at_most: int = 100) -> list[PubsubMessage]:
        """Take what is there now and acknowledge it; nothing is waited for."""
        path = self.subscription_path(subscription)
        request = PullRequest(subscription=path, max_messages=at_most, return_immediately=True)
        pulled = (await self._pull(request)).received_messages
        if pulled:
            await self.subscriber.acknowledge(subscription=path, ack_ids=[each.ack_id for each in pulled])
        return [each.message for each in pulled]

    async def _waiting(self) -> list[str]:
        return [backlog.subscription for backlog in await pushes_left(self.emulator.pubsub)]
