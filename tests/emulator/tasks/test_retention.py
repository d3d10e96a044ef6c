"""The sweep: names are freed, tasks of 31 days go."""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime

import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Task

from emulator import VirtualClock
from emulator.store import Store
from tests.emulator.running import QUEUE, task
from tests.emulator.target import Target

DAY = 24 * 3600


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


async def swept(store: Store, clock: VirtualClock, moment: float) -> None:
    """Move to `moment` and return when the sweep of that time is done."""
    clock.advance_to(moment)
    await clock.wait_for_timer(by=moment + 60)
    await store.write(count)


async def test_names_are_freed_after_their_time(
    client: CloudTasksAsyncClient, store: Store, clock: VirtualClock
) -> None:
    begin = clock.now()
    await client.pause_queue(name=QUEUE)
    for number in range(3):
        await client.create_task(parent=QUEUE, task=task(f"t-{number}"))
    await client.purge_queue(name=QUEUE)
    await swept(store, clock, begin + 3590)
    assert await store.read(count) == 3
    await swept(store, clock, begin + 3700)
    assert await store.read(count) == 0


async def test_a_task_of_31_days_is_deleted_undelivered(
    client: CloudTasksAsyncClient,
    store: Store,
    clock: VirtualClock,
    target: Target,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begin = clock.now()
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("old"))
    await swept(store, clock, begin + 2 * DAY)
    await client.create_task(parent=QUEUE, task=task("young"))
    with caplog.at_level(logging.WARNING):
        await swept(store, clock, begin + 31 * DAY + 120)
    assert "31 days old" in caplog.text
    await client.resume_queue(name=QUEUE)
    await target.received(1)
    assert target.names() == ["young"]


async def test_a_task_scheduled_a_month_ahead_is_kept_and_goes(
    client: CloudTasksAsyncClient, store: Store, clock: VirtualClock, target: Target
) -> None:
    due = clock.now() + 30 * DAY
    await client.create_task(
        parent=QUEUE, task=Task(task("t"), schedule_time=datetime.fromtimestamp(due, UTC))
    )
    await swept(store, clock, due - 60)
    assert target.requests == []
    clock.advance_to(due)
    await target.received(1)
