"""Whom a change concerns hears of it, whatever becomes of its caller."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from emulator.pubsub import times
from emulator.pubsub.changes import Changes, Wakeups
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock


async def test_a_change_wakes_though_its_caller_has_gone(store: Store, clock: ObservedClock) -> None:
    wakeups = Wakeups(clock)
    changes = Changes(store, wakeups)
    loop = asyncio.get_running_loop()
    started = asyncio.Event()
    may_end = threading.Event()

    def job(_: sqlite3.Connection) -> str:
        loop.call_soon_threadsafe(started.set)
        may_end.wait(20)
        return "worker"

    with wakeups.listen("worker") as woken, wakeups.listen("other") as undisturbed:
        change = asyncio.create_task(changes.commit(job, concerns=lambda name: (name,)))
        await started.wait()
        change.cancel()
        with pytest.raises(asyncio.CancelledError):
            await change
        may_end.set()
        async with asyncio.timeout(20):
            await woken.wait()
        assert not undisturbed.is_set()


async def test_closing_waits_for_the_changes_under_way(store: Store, clock: ObservedClock) -> None:
    changes = Changes(store, Wakeups(clock))
    loop = asyncio.get_running_loop()
    started = asyncio.Event()
    may_end = threading.Event()

    def job(_: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        may_end.wait(20)

    change = asyncio.create_task(changes.commit(job, concerns=lambda _: ()))
    await started.wait()
    closing = asyncio.create_task(changes.aclose())
    may_end.set()
    await closing
    assert change.done()


async def test_a_failed_change_wakes_nobody(store: Store, clock: ObservedClock) -> None:
    wakeups = Wakeups(clock)
    with wakeups.listen("worker") as woken:
        with pytest.raises(sqlite3.OperationalError):
            await Changes(store, wakeups).commit(
                lambda db: db.execute("nonsense"), concerns=lambda _: ("worker",)
            )
        assert not woken.is_set()


async def test_a_moment_that_is_past_is_not_waited_for(clock: ObservedClock) -> None:
    wakeups = Wakeups(clock)
    with wakeups.listen("worker") as woken:
        async with asyncio.timeout(20):
            await wakeups.wait(woken, times.now(clock))
