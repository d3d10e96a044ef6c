"""The unmodified synchronous client, on a thread, through the life of a queue."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.tasks_v2 import CloudTasksClient, Queue
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from tests.emulator.running import LOCATION, QUEUE, Running, queue, task


def live_a_queues_life(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        name = f"{LOCATION}/queues/new"
        assert client.create_queue(parent=LOCATION, queue=queue(name)).name == name
        assert client.get_queue(name=name).state == Queue.State.RUNNING
        assert [found.name for found in client.list_queues(parent=LOCATION)] == [name, QUEUE]
        assert client.pause_queue(name=name).state == Queue.State.PAUSED

        created = client.create_task(parent=name, task=task(f"{name}/tasks/t", body=b"x"))
        with pytest.raises(AlreadyExists):
            client.create_task(parent=name, task=task(f"{name}/tasks/t"))
        assert client.get_task(name=created.name) == created
        assert [found.name for found in client.list_tasks(parent=name)] == [created.name]
        client.delete_task(name=created.name)
        client.create_task(parent=name, task=task())
        assert "purge_time" in client.purge_queue(name=name)
        assert list(client.list_tasks(parent=name)) == []

        assert client.resume_queue(name=name).state == Queue.State.RUNNING
        client.delete_queue(name=name)
        with pytest.raises(NotFound):
            client.get_queue(name=name)


async def test_a_queues_life(running: Running) -> None:
    async with running(queues=[queue()]) as emulator:
        await asyncio.to_thread(live_a_queues_life, emulator.addresses.tasks)
