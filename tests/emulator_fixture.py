"""The real emulator in the test's process, on free ports, with the queues and topics of a catalog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
from google.cloud.tasks_v2 import CloudTasksAsyncClient, GetTaskRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport
from google.pubsub_v1 import PullRequest, ReceivedMessage, SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from cli.resources import queues_of, subscriptions_of, topics_of
from contracts import Catalog
from emulator import Addresses, Emulator, EmulatorSettings, Sender

PROJECT = "sidelane-local"
PARENT = f"projects/{PROJECT}/locations/us-central1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEmulator:
    """An open emulator and unmodified Google clients on it."""

    addresses: Addresses
    tasks: CloudTasksAsyncClient
    subscriber: SubscriberAsyncClient

    async def pause(self, catalog: Catalog) -> None:
        """Hold every task in its queue."""
        for queue in queues_of(catalog, PARENT):
            await self.tasks.pause_queue(name=queue.name)

    async def resume(self, queue: str) -> None:
        """Let a queue (by its id) go on."""
        await self.tasks.resume_queue(name=f"{PARENT}/queues/{queue}")

    async def task(self, name: str) -> Task:
        """The task of this full name, its body included; raises NotFound."""
        return await self.tasks.get_task(request=GetTaskRequest(name=name, response_view=Task.View.FULL))

    async def task_names(self, queue: str) -> list[str]:
        """Full names of what is in a queue (by its id)."""
        return [task.name async for task in await self.tasks.list_tasks(parent=f"{PARENT}/queues/{queue}")]

    async def pull(self, subscription: str) -> Sequence[ReceivedMessage]:
        """Messages of a pull subscription (by its id), at most ten; waits for the first."""
        name = f"projects/{PROJECT}/subscriptions/{subscription}"
        answer = await self.subscriber.pull(request=PullRequest(subscription=name, max_messages=10))
        return list(answer.received_messages)


@asynccontextmanager
async def running_emulator(
    catalog: Catalog,
    data_dir: Path,
    *,
    dead_letter_url: str | None = None,
    handlers_url: str | None = None,
    sender: Sender | None = None,
) -> AsyncIterator[RunningEmulator]:
    """Run until the block ends. Dead letters wait to be pulled, or are pushed to `dead_letter_url`;
    so do events, to `handlers_url`."""
    emulator = Emulator(
        EmulatorSettings(data_dir=data_dir, tasks_port=0, pubsub_port=0, http_port=0),
        queues=queues_of(catalog, PARENT),
        topics=topics_of(catalog, PROJECT),
        subscriptions=subscriptions_of(
            catalog, PROJECT, dead_letter_url=dead_letter_url, handlers_url=handlers_url
        ),
        sender=sender,
    )
    await emulator.open()
    try:
        async with (
            grpc.aio.insecure_channel(emulator.addresses.tasks) as tasks,
            grpc.aio.insecure_channel(emulator.addresses.pubsub) as pubsub,
        ):
            yield RunningEmulator(
                addresses=emulator.addresses,
                # Building a generated client looks for certificates on disk.
                tasks=await asyncio.to_thread(
                    CloudTasksAsyncClient, transport=CloudTasksGrpcAsyncIOTransport(channel=tasks)
                ),
                subscriber=await asyncio.to_thread(
                    SubscriberAsyncClient, transport=SubscriberGrpcAsyncIOTransport(channel=pubsub)
                ),
            )
    finally:
        await emulator.aclose()
