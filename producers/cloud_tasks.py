"""Creates tasks in Cloud Tasks, through Google's own client; decides nothing about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import grpc
from google.api_core.exceptions import MethodNotImplemented, NotFound, from_grpc_error
from google.api_core.gapic_v1 import routing_header
from google.api_core.gapic_v1.client_info import ClientInfo
from google.cloud.tasks_v2 import (
    BatchCreateTasksMetadata,
    BatchCreateTasksRequest,
    CloudTasksAsyncClient,
    CreateTaskRequest,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport
from google.rpc.code_pb2 import Code

from producers.connection import Connection, Sleep
from producers.errors import NotOpen, Refused, UnknownQueue
from producers.settings import ProducerSettings

POLL_EVERY = 0.1
"""Seconds until a batch that was not done at once is looked at again."""

_CALLER = ClientInfo().to_grpc_metadata()
_Batch = BatchCreateTasksRequest.pb()
_Metadata = BatchCreateTasksMetadata.pb()


class CloudTasks:
    """One client for one event loop."""

    def __init__(
        self,
        settings: ProducerSettings,
        *,
        sleep: Sleep,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """`new_id` names a batch, so that a try whose answer was lost finds what the first one did."""
        self._sleep = sleep
        self._new_id = new_id
        self._takes_batches = True
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
        # The transport's own stub: the client's method around it would cost a quarter more CPU.
        stub: Any = client.transport.create_task
        metadata = (routing_header.to_grpc_metadata((("parent", request.parent),)), _CALLER)

        async def attempt() -> bool:
            try:
                await stub(wrapped, timeout=timeout, metadata=metadata)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.ALREADY_EXISTS:
                    return False
                raise from_grpc_error(error) from error
            return True

        return await self._connection.call(f"create task {request.task.name}", attempt)

    async def delete(self, name: str) -> bool:
        """Delete the task of this full name; False where there is none (any more).

        Raises:
            NotOpen, Unreachable, Refused
        """
        client = self._client
        if client is None:
            raise NotOpen
        timeout = self._connection.attempt_timeout

        async def attempt() -> bool:
            try:
                await client.delete_task(name=name, retry=None, timeout=timeout)
            except NotFound:
                return False
            return True

        return await self._connection.call(f"delete task {name}", attempt)

    async def create_many(self, requests: Sequence[Any]) -> Sequence[bool | None]:
        """Create the tasks of raw CreateTaskRequests, at most 100 of one queue, with one call.

        Returns:
            For each what `create` returns, or None: it was not created, create it alone to learn why.

        Raises:
            As `create`, for all of them.
        """
        client = self._client
        if client is None:
            raise NotOpen
        if not self._takes_batches:
            return [None] * len(requests)
        batch = _Batch(parent=requests[0].parent, requests=requests, request_id=self._new_id())
        wrapped = BatchCreateTasksRequest.wrap(batch)
        timeout = self._connection.attempt_timeout

        async def attempt() -> Any:
            return (await client.batch_create_tasks(request=wrapped, retry=None, timeout=timeout)).operation

        async def poll() -> Any:
            while True:
                await self._sleep(POLL_EVERY)
                polled = await client.get_operation({"name": operation.name}, retry=None, timeout=timeout)
                if polled.done:
                    return polled

        what = f"create {len(requests)} tasks in {batch.parent}"
        try:
            operation = await self._connection.call(what, attempt)
        except Refused as error:
            if not isinstance(error.__cause__, MethodNotImplemented):
                raise
            self._takes_batches = False  # the service does not know the method (yet): do not ask again
            return [None] * len(requests)
        if not operation.done:
            operation = await self._connection.call(what, poll)
        return _results(operation, len(requests))


def _results(operation: Any, count: int) -> Sequence[bool | None]:
    """What became of each task; its metadata tells faults by place, and nothing is told of what worked."""
    metadata = _Metadata()
    operation.metadata.Unpack(metadata)
    faults = {place: fault.code for place, fault in metadata.failed_requests.items()}
    if operation.HasField("error") and not faults:
        return [None] * count
    known = {place: False if code == Code.ALREADY_EXISTS else None for place, code in faults.items()}
    return [known.get(place, True) for place in range(count)]
