"""Random calls, failures, purges, deletions, crashes and restarts in virtual time: a queue's promises hold.

No acknowledged task is lost: each was executed, waits, was deleted by a call or is dead. None goes above its
queue's rate or concurrency, before its time, from a paused queue or twice at a time; RunTask alone may. A
name is given once.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.tasks_v2 import Queue, RateLimits, Task
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from emulator import ApiError, End, Response, StoreError
from emulator.engine.faults import CrashPoint
from emulator.engine.settings import QueueSettings
from emulator.tasks.queue_resource import settings_of
from tests.emulator.running import task
from tests.emulator.tasks.model import BURST, Key
from tests.emulator.tasks.world import QUEUES, OnDisk, World, timeout

queue_names = st.sampled_from(QUEUES)
ends = st.sampled_from([Response(200), Response(500), Response(404), timeout()])
indexes = st.integers(0, 100)
crash_points = st.sampled_from(list(CrashPoint))


class QueueMachine(RuleBasedStateMachine):
    """Each rule is one call, or one thing that happens, and everything that follows at that moment.

    Every rule but `requeue` has an argument: hypothesis favours those without, at the cost of the others.
    """

    def __init__(self, folder: Path, key_file: Path) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._world = World(folder, key_file)
        self._model = self._world.model
        self._created = 0
        self._run(self._world.open())

    @rule(
        queue=queue_names, task_id=st.sampled_from(["", "a", "b", "c"]), delay=st.sampled_from([0, 0, 5, 40])
    )
    def create(self, queue: str, task_id: str, delay: int) -> None:
        self._run(self._create(queue, task_id, delay))

    @rule(queue=queue_names, count=st.integers(2, 6))
    def create_many(self, queue: str, count: int) -> None:
        for _ in range(count):
            self._created += 1
            self._run(self._create(queue, f"many-{self._created}", 0))

    @rule(end=st.none() | ends)
    def answer_or_hold_from_now_on(self, end: End | None) -> None:
        self._world.target.answer = end

    @precondition(lambda self: self._world.target.held)
    @rule(end=ends)
    def release(self, end: End) -> None:
        self._world.target.release(end)
        self._run(self._world.quiet())

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 20.0]))
    def advance(self, seconds: float) -> None:
        self._run(self._world.advance(seconds))

    @rule(queue=queue_names, paused=st.booleans())
    def pause_or_resume(self, queue: str, paused: bool) -> None:
        self._model.queues[queue].paused = paused
        self._run(self._world.queues.set_paused(queue, paused))

    @rule(queue=queue_names)
    def purge(self, queue: str) -> None:
        self._run(self._world.queues.purge(queue))
        for known in self._model.live(queue):
            self._model.removed(known.key, self._world.clock.now())

    @precondition(lambda self: self._model.live())
    @rule(index=indexes)
    def delete_a_queue_and_make_it_again(self, index: int) -> None:
        queue, _ = self._live(index)
        self._run(self._world.queues.delete(queue))
        self._model.queue_deleted(queue, self._world.clock.now())
        self._run(self._world.make_queues(queue))

    @precondition(lambda self: self._model.live())
    @rule(index=indexes)
    def delete(self, index: int) -> None:
        key = self._live(index)
        self._run(self._world.tasks.delete(_name(key)))
        self._model.removed(key, self._world.clock.now())

    @precondition(lambda self: self._model.live())
    @rule(index=indexes)
    def run_task(self, index: int) -> None:
        key = self._live(index)
        forced = self._world.dispatcher.statistics()
        if forced.forced_in_flight == forced.max_forced_in_flight:
            with pytest.raises(ApiError, match="that RunTask forced are under way"):
                self._run(self._world.tasks.run(_name(key), 1))
            return
        self._model.forcing = key
        answer = self._run(self._world.tasks.run(_name(key), 1))
        assert answer.dispatch_count >= 1
        assert self._model.forcing is None, "RunTask did not dispatch"

    @rule(queue=queue_names, rate=st.sampled_from([0.5, 2.0, 500.0]), concurrent=st.sampled_from([1, 3]))
    def change_limits(self, queue: str, rate: float, concurrent: int) -> None:
        limits = RateLimits(max_dispatches_per_second=rate, max_concurrent_dispatches=concurrent)
        self._model.changed(queue, self._world.clock.now(), rate=rate, concurrent=concurrent)
        message = Queue.pb(Queue(name=queue, rate_limits=limits))
        self._run(self._world.queues.update(message, ["rate_limits"]))

    @rule(seconds_down=st.sampled_from([0.0, 20.0]))
    def restart(self, seconds_down: float) -> None:
        self._run(self._world.close())
        self._world.clock.advance(seconds_down)
        self._run(self._world.open(self._nothing_changed))

    @rule(point=crash_points, queue=queue_names, task_id=st.sampled_from(["", "a"]))
    def crash_in_a_create(self, point: CrashPoint, queue: str, task_id: str) -> None:
        key = (queue, task_id or "x")
        if self._model.may_create(key, self._world.clock.now()):
            self._model.latest.pop(key, None)  # a task that ended and whose name is free
        self._world.crash_at = point
        with pytest.raises(StoreError):
            self._run(self._world.tasks.create(queue, Task.pb(task(_name(key))), 1))
        self._run(self._world.close())
        self._run(self._world.open(self._learn))

    @rule(point=crash_points, seconds=st.sampled_from([1.0, 20.0]))
    def crash_in_a_record(self, point: CrashPoint, seconds: float) -> None:
        """The next attempt that ends, if one does, is the last thing that happens."""
        self._world.crash_at = point
        self._world.target.release(Response(200))
        self._run(self._world.advance(seconds))
        self._run(self._world.close())
        self._run(self._world.open(self._learn))

    @precondition(lambda self: any(known.state == "dead" for known in self._model.latest.values()))
    @rule()
    def requeue(self) -> None:
        key = next(key for key, known in self._model.latest.items() if known.state == "dead")
        self._model.created(key, self._world.clock.now())
        self._run(self._world.dead.requeue(_name(key)))

    @invariant()
    def nothing_is_lost_or_sent_wrongly(self) -> None:
        assert self._model.violations == []
        pending = self._run(self._world.pending())
        dead = self._run(self._world.dead_keys())
        for key, known in self._model.latest.items():
            assert (known.state == "live") == (key in pending), f"{key} is {known.state}"
            assert known.state != "dead" or key in dead
            if known.state == "live":
                assert known.failures == pending[key].failures
                assert abs(known.due - pending[key].due) < 1e-3
        assert pending.keys() <= self._model.latest.keys()
        for name in QUEUES:
            waiting = {row.number for (queue, _), row in pending.items() if queue == name}
            assert waiting <= self._world.known_in_memory(name), "a task is stuck"

    def teardown(self) -> None:
        try:
            self._finish()
        finally:
            self._run(self._world.close())
            self._runner.close()

    def _finish(self) -> None:
        """Let everything go; then nothing may be left."""
        world = self._world
        world.target.answer = Response(200)
        world.target.release(Response(200))
        self._run(world.quiet())
        for queue in QUEUES:
            self._model.queues[queue].paused = False
            self._run(world.queues.set_paused(queue, False))
        self._run(world.advance(600))
        assert self._model.violations == []
        assert self._model.live() == []
        assert self._run(world.pending()) == {}

    async def _create(self, queue: str, task_id: str, delay: float) -> None:
        """An unnamed task is due later, so that its name is known before it goes."""
        now = self._world.clock.now()
        due = now + (delay if task_id else max(delay, 0.5))
        key = (queue, task_id)
        made = Task(task(_name(key) if task_id else ""), schedule_time=datetime.fromtimestamp(due, UTC))
        if task_id and not self._model.may_create(key, now):
            with pytest.raises(ApiError) as caught:
                await self._world.tasks.create(queue, Task.pb(made), 1)
            assert caught.value.code is grpc.StatusCode.ALREADY_EXISTS
            return
        if task_id:
            self._model.created(key, due)  # it may go before the call is answered
        created = await self._world.tasks.create(queue, Task.pb(made), 1)
        if not task_id:
            self._model.created((queue, created.name.rpartition("/")[2]), due)

    def _nothing_changed(self, pending: dict[Key, OnDisk]) -> None:
        assert pending.keys() == {known.key for known in self._model.live()}

    def _learn(self, pending: dict[Key, OnDisk]) -> None:
        """After a crash in a write: it happened or not, and what was answered before is as it was."""
        for key, known in self._model.latest.items():
            if known.state == "removed":
                assert key not in pending
        for key, row in pending.items():
            self._model.created(key, row.due)
            self._model.latest[key].failures = row.failures

    def _live(self, index: int) -> Key:
        live = self._model.live()
        return live[index % len(live)].key

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def run() -> Any:
            result = await coroutine
            await self._world.quiet()
            return result

        return self._runner.run(run())


def _name(key: Key) -> str:
    return "/tasks/".join(key)


def test_random_sequences(tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small bucket, so that the rate is what holds tasks back."""

    def small_bucket(message: Any) -> QueueSettings:
        read = settings_of(message)
        return replace(read, rate_limits=replace(read.rate_limits, max_burst_size=BURST))

    def machine() -> QueueMachine:
        return QueueMachine(Path(tempfile.mkdtemp(dir=tmp_path)), key_file)

    monkeypatch.setattr("emulator.tasks.live_queue.settings_of", small_bucket)
    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # it calls what it gets
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
