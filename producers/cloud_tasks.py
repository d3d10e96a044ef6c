"""Creates tasks in Cloud Tasks, through Google's own client; decides nothing about them."""

from __future__ import annotations

from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateTaskRequest
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from producers.connection import Connection, Sleep
from producers.errors import NotOpen, UnknownQueue
from producers.settings import ProducerSettings


class CloudTasks:
    """One client for one event loop."""

    def __init__(self, settings: ProducerSettings, *, sleep: Sleep) -> None:
        self._connection = Connection(
            host=CloudTasksAsyncClient.DEFAULT_ENDPOINT,
            emulator=settings.cloud_tasks_emulator_host,
            deadline=settings.enqueue_deadline,
            sleep=sleep,
            missing=UnknownQueue,
        )
        self._client: CloudTasksAsyncClient | None = None

    async def open(self) -> None:
        channel = await self._connection.open()
        self._client = CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def create(self, request: Any) -> bool:
        """Create the task of a raw CreateTaskRequest; False where a task of its name exists already.

        Raises:
            NotOpen, Unreachable, Refused
            UnknownQueue: its queue, or the account of its token, does not exist.
        """
        client = self._client
        if client is None:
            raise NotOpen
        wrapped = CreateTaskRequest.wrap(request)
        timeout = self._connection.attempt_timeout

        async def attempt() -> bool:
            try:
                await client.create_task(request=wrapped, retry=None, timeout=timeout)
            except AlreadyExists:
                return False
            return True

        return await self._connection.call(f"create task {request.task.name}", attempt)
