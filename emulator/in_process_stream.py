"""Carries one bidirectional stream of a generated async client to a service of the same process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from grpc.aio import EOF

Serve = Callable[[AsyncIterator[Any], Callable[[Any], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]
"""Serves a stream: takes its requests and what writes a response, and returns or raises at its end."""


class InProcessStream:
    """A stream that is open until the service ends it or `cancel` is called; it is for one reader.

    The service waits with its next response until the reader has taken the last one.
    """

    def __init__(self, serve: Serve, requests: AsyncIterator[Any]) -> None:
        self._responses: deque[Any] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._served = asyncio.get_running_loop().create_task(serve(requests, self._write))
        self._served.add_done_callback(self._ended)

    async def wait_for_connection(self) -> None:
        """It is connected."""

    async def read(self) -> Any:
        """The next response, or grpc.aio.EOF. Raises what the service did, CancelledError after `cancel`."""
        while not self._responses:
            if self._served.done():
                self._served.result()
                return EOF
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._responses.popleft()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (response := await self.read()) is not EOF:
            yield response

    def cancel(self) -> bool:
        return self._served.cancel()

    def cancelled(self) -> bool:
        return self._served.cancelled()

    def done(self) -> bool:
        return self._served.done()

    async def _write(self, response: Any) -> None:
        while self._responses:
            self._room.clear()
            await self._room.wait()
        self._responses.append(response)
        self._news.set()

    def _ended(self, served: asyncio.Task[None]) -> None:
        if not served.cancelled():
            served.exception()  # told to the reader, if there still is one
        self._news.set()
