"""Puts queues and tasks behind google.cloud.tasks.v2 over gRPC: reads requests, writes responses, no more."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any

import grpc
from google.cloud.tasks_v2.types import cloudtasks
from google.protobuf.empty_pb2 import Empty

from emulator.errors import ApiError, InvalidArgumentError
from emulator.grpc_api import Method, Methods
from emulator.rest import RawRequest, RawRoute
from emulator.tasks.messages import ListQueuesResponse, ListTasksResponse, Pb
from emulator.tasks.queues import Queues
from emulator.tasks.rest import BUFFER_PATHS
from emulator.tasks.tasks import Tasks

MAX_QUEUES_A_PAGE = 9800
MAX_TASKS_A_PAGE = 1000


class CloudTasks:
    """The service's methods. Each takes and returns a protobuf message and raises ApiError."""

    def __init__(self, queues: Queues, tasks: Tasks) -> None:
        self._queues = queues
        self._tasks = tasks
        self._changing: set[asyncio.Task[Any]] = set()  # one for each call under way

    def methods(self) -> Methods:
        """The calls of google.cloud.tasks.v2.CloudTasks, for every protocol that serves them."""
        requests: Any = cloudtasks
        methods = {
            "CreateQueue": self._finished(self.create_queue),
            "GetQueue": self.get_queue,
            "ListQueues": self.list_queues,
            "UpdateQueue": self._finished(self.update_queue),
            "PauseQueue": self._finished(self.pause_queue),
            "ResumeQueue": self._finished(self.resume_queue),
            "PurgeQueue": self._finished(self.purge_queue),
            "DeleteQueue": self._finished(self.delete_queue),
            "CreateTask": self._finished(self.create_task),
            "GetTask": self.get_task,
            "ListTasks": self.list_tasks,
            "DeleteTask": self._finished(self.delete_task),
            "RunTask": self._finished(self.run_task),
        }
        return {name: (getattr(requests, f"{name}Request").pb(), method) for name, method in methods.items()}

    def raw_routes(self) -> tuple[RawRoute, ...]:
        """BufferTask over REST: its request is whatever is to be buffered."""
        return tuple(RawRoute(path, self._finished(self.buffer_task)) for path in BUFFER_PATHS)

    def _finished(self, method: Method) -> Method:
        """The method, run to its end even where its caller leaves in the middle.

        What it put on disk must reach the queues in memory too: a task that is on disk alone waits for the
        next start, while its name refuses the caller's second try.
        """

        async def run(request: Pb) -> Any:
            call = asyncio.ensure_future(method(request))
            self._changing.add(call)
            call.add_done_callback(self._changing.discard)
            return await asyncio.shield(call)

        return run

    async def create_queue(self, request: Pb) -> Pb:
        return await self._queues.create(request.parent, request.queue)

    async def get_queue(self, request: Pb) -> Pb:
        return self._queues.get(request.name).message

    async def list_queues(self, request: Pb) -> Pb:
        if request.filter:
            raise ApiError(
                grpc.StatusCode.UNIMPLEMENTED,
                "ListQueuesRequest.filter is not served by the Sidelane emulator yet: leave it empty.",
            )
        size = _page_size(request.page_size, MAX_QUEUES_A_PAGE)
        found = self._queues.page(request.parent, after=_read_token(request.page_token), limit=size + 1)
        token = _token(found[size - 1].name) if len(found) > size else ""
        return ListQueuesResponse(queues=found[:size], next_page_token=token)

    async def update_queue(self, request: Pb) -> Pb:
        return await self._queues.update(request.queue, tuple(request.update_mask.paths))

    async def pause_queue(self, request: Pb) -> Pb:
        return await self._queues.set_paused(request.name, True)

    async def resume_queue(self, request: Pb) -> Pb:
        return await self._queues.set_paused(request.name, False)

    async def purge_queue(self, request: Pb) -> Pb:
        return await self._queues.purge(request.name)

    async def delete_queue(self, request: Pb) -> Empty:
        await self._queues.delete(request.name)
        return Empty()

    async def create_task(self, request: Pb) -> Pb:
        return await self._tasks.create(request.parent, request.task, request.response_view)

    async def buffer_task(self, request: RawRequest) -> Mapping[str, Pb]:
        task = await self._tasks.buffer(
            request.variables["queue"],
            request.variables.get("task_id"),
            method=request.verb,
            headers=request.headers,
            body=request.body,
        )
        return {"task": task}

    async def get_task(self, request: Pb) -> Pb:
        return await self._tasks.get(request.name, request.response_view)

    async def list_tasks(self, request: Pb) -> Pb:
        after = _read_token(request.page_token) or "0"
        if not after.isdecimal():
            raise _invalid_token()
        tasks, last = await self._tasks.page(
            request.parent,
            request.response_view,
            after=int(after),
            limit=_page_size(request.page_size, MAX_TASKS_A_PAGE),
        )
        return ListTasksResponse(tasks=tasks, next_page_token="" if last is None else _token(str(last)))

    async def delete_task(self, request: Pb) -> Empty:
        await self._tasks.delete(request.name)
        return Empty()

    async def run_task(self, request: Pb) -> Pb:
        return await self._tasks.run(request.name, request.response_view)


def _page_size(asked: int, most: int) -> int:
    if asked < 0:
        raise InvalidArgumentError("The page size cannot be negative.")
    return min(asked or most, most)


def _token(place: str) -> str:
    """A page token; callers take it as it comes, so its inside may change."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise _invalid_token() from exc


def _invalid_token() -> InvalidArgumentError:
    return InvalidArgumentError("The page token is invalid: pass next_page_token as a list call answered it.")
