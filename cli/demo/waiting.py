"""Asks Cloud Tasks, through Google's own client, which deliveries wait in its queues. It changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import grpc.aio
from google.api_core.exceptions import GoogleAPIError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, ListQueuesRequest, ListTasksRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from cli.demo.errors import UnexpectedAnswer
from contracts import Envelope, Undecodable

DEADLINE = 15.0
"""Seconds for listing every task of every queue."""
PAGE_SIZE = 1000
_CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))


class WaitingTasks:
    """A client of its own for the emulator at `host` ("HOST:PORT"), open inside an `async with` block."""

    def __init__(self, host: str, *, project: str, location: str, deadline: float = DEADLINE) -> None:
        self._host = host
        self._deadline = deadline
        self._parent = f"projects/{project}/locations/{location}"

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._host, options=_CHANNEL_OPTIONS)
        self._client = CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=self._channel))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def delivery_ids(self) -> frozenset[str]:
        """The delivery ids of all tasks, those being dispatched included.

        Raises:
            UnexpectedAnswer: the emulator is away, or a task in it is none of ours.
        """
        try:
            async with asyncio.timeout(self._deadline):
                return frozenset([Envelope.decode(body).delivery_id async for body in self._bodies()])
        except (GoogleAPIError, TimeoutError) as error:
            raise UnexpectedAnswer(f"cannot list the tasks at {self._host}: {error or 'time-out'}") from error
        except Undecodable as error:
            raise UnexpectedAnswer(f"a task at {self._host} is none of ours: {error}") from error

    async def _bodies(self) -> AsyncIterator[bytes]:
        queues = await self._client.list_queues(request=ListQueuesRequest(parent=self._parent))
        async for queue in queues:
            request = ListTasksRequest(parent=queue.name, response_view=Task.View.FULL, page_size=PAGE_SIZE)
            async for task in await self._client.list_tasks(request=request):
                yield task.http_request.body
