"""Waiting until nothing is left to do: what counts, what does not, and that it ends with the service."""

from __future__ import annotations

import asyncio

import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator import ApiError, StoreClosedError, VirtualClock
from emulator.tasks import TasksService
from tests.emulator.running import OTHER_QUEUE, QUEUE, task
from tests.emulator.target import Target


async def turns() -> None:
    """Let everything happen that does not wait for the outside."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_idle_service_is_drained_at_once(service: TasksService) -> None:
    await service.drained()
    await service.drained([QUEUE])
    with pytest.raises(ApiError, match="Queue does not exist"):
        await service.drained([f"{QUEUE}-unknown"])


async def test_it_waits_for_what_is_under_way_and_for_what_is_to_be_tried_again(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([500])
    target.is_holding = True
    await client.create_task(parent=QUEUE, task=task("t"))
    drained = asyncio.create_task(service.drained([QUEUE]))
    await target.received(1)
    await service.drained([OTHER_QUEUE])
    await target.release()
    again = await clock.wait_for_timer(by=clock.now() + 30)
    await turns()
    assert not drained.done()
    clock.advance_to(again)
    await drained
    assert len(target.requests) == 2
    assert (await client.list_tasks(parent=QUEUE)).tasks == []  # recorded, not only answered


async def test_what_waits_in_a_paused_queue_does_not_count(
    client: CloudTasksAsyncClient, service: TasksService, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t"))
    await service.drained()
    target.is_holding = True
    await client.run_task(name=f"{QUEUE}/tasks/t")
    drained = asyncio.create_task(service.drained())
    await target.received(1)
    await turns()
    assert not drained.done()
    await target.release()
    await drained


@pytest.mark.parametrize("way", ["delete_task", "purge_queue", "pause_queue", "delete_queue"])
async def test_it_ends_when_the_last_task_leaves_in_another_way(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target, way: str
) -> None:
    target.will_answer([500])
    await client.create_task(parent=QUEUE, task=task("t"))
    await clock.wait_for_timer(by=clock.now() + 30)
    drained = [asyncio.create_task(service.drained(names)) for names in ((), (QUEUE,))]
    await turns()
    assert not any(waiter.done() for waiter in drained)
    name = f"{QUEUE}/tasks/t" if way == "delete_task" else QUEUE
    await getattr(client, way)(name=name)
    async with asyncio.timeout(10):
        await asyncio.gather(*drained)


async def test_it_ends_with_the_service(client: CloudTasksAsyncClient, service: TasksService) -> None:
    await client.create_task(parent=QUEUE, task=task("t", "http://target.example/"))
    await service.drained()
    await client.pause_queue(name=OTHER_QUEUE)
    await client.create_task(parent=OTHER_QUEUE, task=task(f"{OTHER_QUEUE}/tasks/t"))
    service._queues.get(OTHER_QUEUE).dispatch.paused = False  # waits, and nobody looks
    drained = asyncio.create_task(service.drained())
    await turns()
    await service.aclose()
    with pytest.raises(StoreClosedError):
        await drained
