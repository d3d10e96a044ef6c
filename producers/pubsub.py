"""Publishes messages to Pub/Sub, through Google's own client; never batches or holds back."""

from __future__ import annotations

from collections.abc import Mapping

from google.pubsub_v1 import PublisherAsyncClient, PublishRequest, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from producers.connection import Connection, Sleep
from producers.errors import NotOpen, UnknownTopic
from producers.settings import ProducerSettings


class PubSub:
    """One client for one event loop."""

    def __init__(self, settings: ProducerSettings, *, sleep: Sleep) -> None:
        self._topics = f"projects/{settings.project}/topics/"
        self._connection = Connection(
            host=PublisherAsyncClient.DEFAULT_ENDPOINT,
            emulator=settings.pubsub_emulator_host,
            deadline=settings.enqueue_deadline,
            sleep=sleep,
            missing=UnknownTopic,
        )
        self._client: PublisherAsyncClient | None = None

    async def open(self) -> None:
        channel = await self._connection.open()
        self._client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """The id of the message, once the service has stored it.

        Raises:
            NotOpen, Unreachable, Refused
            UnknownTopic: the topic does not exist.
        """
        client = self._client
        if client is None:
            raise NotOpen
        message = PubsubMessage(data=data, attributes=dict(attributes))
        request = PublishRequest(topic=self._topics + topic, messages=[message])
        timeout = self._connection.attempt_timeout

        async def attempt() -> str:
            response = await client.publish(request=request, retry=None, timeout=timeout)
            return str(response.message_ids[0])

        return await self._connection.call(f"publish to {request.topic}", attempt)
