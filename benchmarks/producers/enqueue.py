"""What `enqueue` and `enqueue_many` cost their process, in CPU, beside the generated client's `create_task`.

All three create the same named tasks on a paused queue of `sidelane up`, in a process of its own. The
generated client is given requests that were built before; 64 calls are in flight, and `enqueue_many` is given
100 tasks at a time. CPU is that of the whole client process, its threads included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc.aio
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateTaskRequest
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport
from rich.console import Console

from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare
from contracts import TASK_TYPES, DeveloperWebhook, Envelope, RealtimeTranscript, TaskRegistry, load_catalog
from contracts.webhooks import TranscriptSegment
from producers import Producer, ProducerSettings
from producers.task_request import TaskRequests

QUEUES = Path("infra/terraform/queues.yaml")
TASKS = 400
"""Of one measurement."""
SLICES = 5
"""Of a round, so that what else the machine does hits both."""
IN_FLIGHT = 64
BATCH = 100


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = await stack.enter_async_context(python(*sidelane_up(folder)))
        settings = ProducerSettings(
            queues_file=QUEUES,
            cloud_tasks_emulator_host=server.fields["tasks"],
            pubsub_emulator_host=server.fields["pubsub"],
        )
        client = await stack.enter_async_context(_client(server.fields["tasks"]))
        costs = await stack.enter_async_context(_costs(settings, client))
        for measure in (costs.create_task, costs.enqueue, costs.enqueue_many):
            await measure()  # warms up
        single, many = Side(label="enqueue", measure=costs.enqueue), costs.enqueue_many
        return [
            await compare(
                "enqueue CPU / create_task CPU",
                single,
                Side(label="create_task", measure=costs.create_task),
                unit="us/task",
                target=1.25,
                rounds=options.rounds,
                console=console,
                slices=SLICES,
                at_most=True,
            ),
            await compare(
                "enqueue CPU / enqueue_many CPU",
                single,
                Side(label="enqueue_many", measure=many),
                unit="us/task",
                target=5,
                rounds=options.rounds,
                console=console,
                slices=SLICES,
            ),
        ]


class _Costs:
    def __init__(self, producer: Producer, client: CloudTasksAsyncClient, settings: ProducerSettings) -> None:
        self._producer = producer
        self._client = client
        self._requests = TaskRequests(settings)
        self._queue = load_catalog(QUEUES).get("developer-webhooks-realtime")
        self._sequence = count()

    async def enqueue(self) -> float:
        tasks = self._tasks()
        return await _cpu(lambda: _each(tasks, self._producer.enqueue))

    async def enqueue_many(self) -> float:
        tasks = self._tasks()
        batches = [tasks[start : start + BATCH] for start in range(0, TASKS, BATCH)]

        async def all_of_them() -> None:
            for batch in batches:
                await self._producer.enqueue_many(batch)

        return await _cpu(all_of_them)

    async def create_task(self) -> float:
        requests = [CreateTaskRequest.wrap(self._request(task)) for task in self._tasks()]

        async def create(request: CreateTaskRequest) -> None:
            await self._client.create_task(request=request, retry=None, timeout=5.0)

        return await _cpu(lambda: _each(requests, create))

    def _tasks(self) -> list[DeveloperWebhook]:
        return [_transcript(next(self._sequence)) for _ in range(TASKS)]

    def _request(self, task: DeveloperWebhook) -> Any:
        envelope = Envelope.seal(task, accepted_at=datetime.now(UTC))
        return self._requests.build(envelope, envelope.encode(), self._queue.name, self._queue, None)


def _transcript(sequence: int) -> DeveloperWebhook:
    segment = TranscriptSegment(text="good morning " * 8, start=0, end=1.5)
    event = RealtimeTranscript(stream_id="stream-7", sequence=sequence, segments=(segment,))
    return DeveloperWebhook(uid="ada", event=event)


async def _cpu(work: Callable[[], Awaitable[object]]) -> float:
    """Microseconds of a task."""
    began = time.process_time()
    await work()
    return (time.process_time() - began) / TASKS * 1e6


async def _each(items: list[Any], call: Callable[[Any], Awaitable[object]]) -> None:
    waiting: Iterator[Any] = iter(items)

    async def work() -> None:
        for item in waiting:
            await call(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(IN_FLIGHT):
            workers.create_task(work())


@asynccontextmanager
async def _client(address: str) -> AsyncIterator[CloudTasksAsyncClient]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))


@asynccontextmanager
async def _costs(settings: ProducerSettings, client: CloudTasksAsyncClient) -> AsyncIterator[_Costs]:
    catalog = load_catalog(QUEUES)
    parent = f"projects/{settings.project}/locations/{settings.location}/queues/"
    await client.pause_queue(name=parent + "developer-webhooks-realtime")
    async with Producer(settings, catalog, TaskRegistry(TASK_TYPES)) as producer:
        yield _Costs(producer, client, settings)
