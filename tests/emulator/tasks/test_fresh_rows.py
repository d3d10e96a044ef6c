"""New tasks go without a read of the store, and as the store has them where something came in between."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator import VirtualClock
from emulator.engine.attempts import Attempts
from emulator.store import Store
from emulator.tasks.fresh_rows import MAX_MESSAGE_BYTES, FreshRows
from emulator.tasks.tables import TaskRow
from tests.emulator.running import QUEUE, queue, task
from tests.emulator.target import Target
from tests.emulator.tasks.bench import Bench


def row(key: int, message: bytes = b"task") -> TaskRow:
    return TaskRow(
        key=key, task_id=str(key), message=message, schedule_time=0, ended_at=None, attempts=Attempts()
    )


async def test_a_new_task_goes_while_the_reader_is_busy(bench: Bench, store: Store, target: Target) -> None:
    entered, opened = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        entered.set()
        assert opened.wait(20)

    await bench.ensure(queue())
    held = asyncio.create_task(store.read(hold))
    await asyncio.to_thread(entered.wait)
    await bench.create("t")
    await target.received(1)
    opened.set()
    await held
    assert target.names() == ["t"]


async def test_an_attempt_that_was_forced_in_between_counts(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t"))
    target.will_answer([404])
    await client.run_task(name=f"{QUEUE}/tasks/t")
    await target.received(1)
    await client.resume_queue(name=QUEUE)
    await clock.wait_for_timer()
    clock.advance(10)
    _, second = await target.received(2)
    assert second.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert second.headers["X-CloudTasks-TaskPreviousResponse"] == "404"


async def test_a_task_that_was_deleted_before_its_turn_never_goes(
    client: CloudTasksAsyncClient, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    for name in ("deleted", "kept"):
        await client.create_task(parent=QUEUE, task=task(name))
    await client.delete_task(name=f"{QUEUE}/tasks/deleted")
    await client.resume_queue(name=QUEUE)
    await target.received(1)
    assert target.names() == ["kept"]


def test_the_oldest_leave_and_large_ones_are_not_kept() -> None:
    fresh = FreshRows(max_rows=2)
    for key in (1, 2, 3):
        fresh.keep(row(key))
    fresh.keep(row(4, b"x" * (MAX_MESSAGE_BYTES + 1)))
    assert len(fresh) == 2
    assert [fresh.pop(key, 0) for key in (1, 2, 3, 4)] == [None, row(2), row(3), None]
    assert len(fresh) == 0


def test_a_task_that_is_due_at_another_time_is_no_longer_as_it_was() -> None:
    fresh = FreshRows()
    fresh.keep(row(1))
    assert fresh.pop(1, 10) is None
    assert fresh.pop(1, 0) is None
