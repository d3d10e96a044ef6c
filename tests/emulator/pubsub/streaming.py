"""An open StreamingPull by Google's generated client, whose requests the test gives one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.pubsub_v1 import SubscriberAsyncClient, types

from tests.emulator.pubsub.resources import SUBSCRIPTION


class Stream:
    """What one client sees of its stream."""

    def __init__(self, opening: types.StreamingPullRequest) -> None:
        self._requests: asyncio.Queue[types.StreamingPullRequest | None] = asyncio.Queue()
        self._requests.put_nowait(opening)

    async def open(self, subscriber: SubscriberAsyncClient) -> None:
        self._call: Any = await subscriber.streaming_pull(requests=self._sent(), timeout=30)
        self._responses = aiter(self._call)

    def send(self, **fields: object) -> None:
        self._requests.put_nowait(types.StreamingPullRequest(**fields))

    def end(self) -> None:
        """Send no more: the client's side is closed."""
        self._requests.put_nowait(None)

    def cancel(self) -> None:
        self._call.cancel()

    async def response(self) -> types.StreamingPullResponse:
        """The next one. Raises what the stream ended with; StopAsyncIteration is the clean end."""
        async with asyncio.timeout(20):
            return await anext(self._responses)

    async def messages(self, count: int) -> list[types.ReceivedMessage]:
        """So many messages, of as many responses as they come in."""
        received: list[types.ReceivedMessage] = []
        while len(received) < count:
            received.extend((await self.response()).received_messages)
        assert len(received) == count
        return received

    async def _sent(self) -> AsyncIterator[types.StreamingPullRequest]:
        while (request := await self._requests.get()) is not None:
            yield request


@asynccontextmanager
async def streaming(
    subscriber: SubscriberAsyncClient, subscription: str = SUBSCRIPTION, **fields: Any
) -> AsyncIterator[Stream]:
    """A stream that is open until the end of the block; its ack deadline is 20 s where none is given."""
    opening = {"subscription": subscription, "stream_ack_deadline_seconds": 20, **fields}
    stream = Stream(types.StreamingPullRequest(opening))
    await stream.open(subscriber)
    try:
        yield stream
    finally:
        stream.end()
        stream.cancel()


def data(received: list[types.ReceivedMessage]) -> list[bytes]:
    return [each.message.data for each in received]


def ack_ids(received: list[types.ReceivedMessage]) -> list[str]:
    return [each.ack_id for each in received]
