"""Google's public, threaded clients beside the event loop: `google.cloud.pubsub_v1` as anybody uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

EMULATOR = "PUBSUB_EMULATOR_HOST"


class Inbox:
    """The messages that a subscriber's callbacks got, in the order of their arrival."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.future: Any = None

    def callback(self, message: Any) -> None:
        """Runs on the subscriber's threads; whoever takes the message acknowledges it."""
        self._loop.call_soon_threadsafe(self._arrived.put_nowait, message)

    async def message(self) -> Any:
        async with asyncio.timeout(30):
            return await self._arrived.get()

    def is_empty(self) -> bool:
        return self._arrived.empty()

    async def ended(self) -> Exception | None:
        """What the streaming pull ended with."""
        async with asyncio.timeout(30):
            return await asyncio.to_thread(self.future.exception)


@asynccontextmanager
async def public_subscriber(address: str, subscription: str, **options: Any) -> AsyncIterator[Inbox]:
    """A subscriber that is open until the end of the block; `options` are those of `subscribe`."""
    inbox = Inbox()

    def open_it() -> Any:
        with mock.patch.dict("os.environ", {EMULATOR: address}):
            client = SubscriberClient()
        inbox.future = client.subscribe(subscription, callback=inbox.callback, **options)
        return client

    def close_it() -> None:
        inbox.future.cancel()
        if not inbox.future.done():
            inbox.future.result(timeout=30)
        client.close()

    client = await asyncio.to_thread(open_it)
    try:
        yield inbox
    finally:
        await asyncio.to_thread(close_it)


async def publish_by_public_client(
    address: str, topic: str, messages: Sequence[tuple[bytes, Mapping[str, str]]], **options: Any
) -> list[str]:
    """Publish (data, further arguments) each, in their order; `options` are those of PublisherClient."""

    def publish() -> list[str]:
        with mock.patch.dict("os.environ", {EMULATOR: address}):
            client = PublisherClient(**options)
        with client:
            futures = [client.publish(topic, data, **arguments) for data, arguments in messages]
            return [future.result(timeout=30) for future in futures]

    return await asyncio.to_thread(publish)
