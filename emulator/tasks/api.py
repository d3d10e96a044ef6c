"""Puts queues and tasks behind google.cloud.tasks.v2 over gRPC: reads requests, writes responses, no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.cloud.tasks_v2.types import cloudtasks
from google.protobuf.empty_pb2 import Empty

from emulator.engine.clock import Clock
from emulator.grpc_api import Methods
from emulator.rest import RawRequest, RawRoute
from emulator.tasks.batch import Batches
from emulator.tasks.list_filter import parse_filter
from emulator.tasks.messages import ListQueuesResponse, ListTasksResponse, Pb, Queue, checked_view
from emulator.tasks.page_token import page_size, page_token, read_page_token
from emulator.tasks.queues import Queues
from emulator.tasks.rest import BUFFER_PATHS
from emulator.tasks.tasks import Tasks

MAX_QUEUES_A_PAGE = 9800
MAX_TASKS_A_PAGE = 1000


class CloudTasks:
    """The service's methods. Each takes and returns a protobuf message and raises ApiError."""

    def __init__(self, queues: Queues, tasks: Tasks, batches: Batches, clock: Clock) -> None:
        self._queues = queues
        self._tasks = tasks
        self._batches = batches
        self._clock = clock

    def methods(self) -> Methods:
        """The calls of google.cloud.tasks.v2.CloudTasks, for every protocol that serves them."""
        requests: Any = cloudtasks
        methods = {
            "CreateQueue": self.create_queue,
            "GetQueue": self.get_queue,
            "ListQueues": self.list_queues,
            "UpdateQueue": self.update_queue,
            "PauseQueue": self.pause_queue,
            "ResumeQueue": self.resume_queue,
            "PurgeQueue": self.purge_queue,
            "DeleteQueue": self.delete_queue,
            "CreateTask": self.create_task,
            "GetTask": self.get_task,
            "ListTasks": self.list_tasks,
            "DeleteTask": self.delete_task,
            "RunTask": self.run_task,
            "BatchCreateTasks": self._batches.create,
            "BatchDeleteTasks": self._batches.delete,
        }
        return {name: (getattr(requests, f"{name}Request").pb(), method) for name, method in methods.items()}

    def raw_routes(self) -> tuple[RawRoute, ...]:
        """BufferTask over REST: its request is whatever is to be buffered."""
        return tuple(RawRoute(path, self.buffer_task) for path in BUFFER_PATHS)

    async def create_queue(self, request: Pb, *, explicit: Collection[str] = ()) -> Pb:
        return await self._queues.create(request.parent, request.queue, explicit=explicit)

    async def get_queue(self, request: Pb) -> Pb:
        return self._queues.get(request.name).message

    async def list_queues(self, request: Pb) -> Pb:
        call, now = ("ListQueues", request.parent, request.filter), self._clock.now()
        size = page_size(request.page_size, MAX_QUEUES_A_PAGE)
        after = read_page_token(request.page_token, call, now=now)
        passes = parse_filter(request.filter, Queue.DESCRIPTOR)
        found = self._queues.page(request.parent, passes=passes, after=after, limit=size + 1)
        token = page_token(found[size - 1].name, call, now=now) if len(found) > size else ""
        return ListQueuesResponse(queues=found[:size], next_page_token=token)

    async def update_queue(self, request: Pb, *, explicit: Collection[str] | None = None) -> Pb:
        paths = tuple(request.update_mask.paths)
        return await self._queues.update(request.queue, paths, explicit=explicit)

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
        return await self._tasks.create(request.parent, request.task, checked_view(request.response_view))

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
        return await self._tasks.get(request.name, checked_view(request.response_view))

    async def list_tasks(self, request: Pb) -> Pb:
        call, now = ("ListTasks", request.parent), self._clock.now()
        tasks, last = await self._tasks.page(
            request.parent,
            checked_view(request.response_view),
            after=int(read_page_token(request.page_token, call, now=now) or "0"),
            limit=page_size(request.page_size, MAX_TASKS_A_PAGE),
        )
        token = "" if last is None else page_token(str(last), call, now=now)
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    async def delete_task(self, request: Pb) -> Empty:
        await self._tasks.delete(request.name)
        return Empty()

    async def run_task(self, request: Pb) -> Pb:
        return await self._tasks.run(request.name, checked_view(request.response_view))
