"""One queue's dispatch in virtual time: nothing too early, nothing too many, nothing while paused."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.dispatch_queue import DispatchQueue
from emulator.engine.settings import RateLimits

NOW = 1_758_700_000.0


def make(
    *, rate: float = 500, concurrent: int = 1000, burst: int = 100, paused: bool = False
) -> DispatchQueue:
    limits = RateLimits(
        max_dispatches_per_second=rate, max_burst_size=burst, max_concurrent_dispatches=concurrent
    )
    return DispatchQueue(limits, paused=paused, now=NOW)


def go(queue: DispatchQueue, now: float, slots: int = 10_000) -> list[int]:
    return [task for task, _ in queue.take(now, slots=slots)]


def test_tasks_go_when_they_are_due_and_the_earliest_first() -> None:
    queue = make()
    queue.add(1, NOW + 20)
    queue.add(2, NOW + 10)
    assert go(queue, NOW) == []
    assert queue.look_again_at(NOW) == NOW + 10
    assert queue.take(NOW + 10, slots=10) == [(2, NOW + 10)]
    assert go(queue, NOW + 30) == [1]
    assert queue.look_again_at(NOW + 30) is None


def test_no_more_are_in_flight_than_the_queue_allows() -> None:
    queue = make(concurrent=2)
    for task in range(5):
        queue.add(task, NOW)
    assert go(queue, NOW) == [0, 1]
    assert queue.look_again_at(NOW) is None
    queue.finish(0)
    assert go(queue, NOW) == [2]


def test_a_token_is_taken_only_with_a_task_and_a_slot_in_hand() -> None:
    queue = make(rate=1, burst=3, concurrent=1)
    assert go(queue, NOW) == []  # no task
    for task in range(3):
        queue.add(task, NOW)
    for task in range(3):
        assert go(queue, NOW) == [task]
        assert go(queue, NOW) == []  # no slot
        assert go(queue, NOW, slots=0) == []
        queue.finish(task)
    queue.add(3, NOW)
    assert go(queue, NOW) == []  # now the bucket is empty
    assert queue.look_again_at(NOW) == NOW + 1
    assert go(queue, NOW + 1) == [3]


def test_a_paused_queue_dispatches_nothing_of_its_backlog() -> None:
    queue = make()
    for task in range(50):
        queue.add(task, NOW)
    queue.paused = True
    queue.add(50, NOW)
    assert go(queue, NOW + 3600) == []
    assert queue.look_again_at(NOW + 3600) is None
    queue.paused = False
    assert go(queue, NOW + 3600) == list(range(51))


def test_discarded_tasks_never_go_and_cost_no_token() -> None:
    queue = make(rate=0.001, burst=1)
    for task in range(10):
        queue.add(task, NOW)
    for task in range(9):
        queue.discard(task)
    assert go(queue, NOW) == [9]
    assert queue.statistics().waiting == 0


def test_a_purge_forgets_what_waits_but_not_what_comes_later() -> None:
    queue = make()
    for task in range(10):
        queue.add(task, NOW)
    queue.discard_through(7)
    queue.add(10, NOW)
    assert go(queue, NOW) == [8, 9, 10]


def test_a_task_that_is_added_again_goes_at_its_new_time_alone() -> None:
    queue = make()
    queue.add(1, NOW)
    queue.add(1, NOW + 60)
    assert go(queue, NOW) == []
    assert go(queue, NOW + 60) == [1]
    assert go(queue, NOW + 60) == []


def test_deleting_most_tasks_gives_their_memory_back() -> None:
    queue = make()
    for task in range(20_000):
        queue.add(task, NOW + 3600)
    for task in range(19_999):
        queue.discard(task)
    assert len(queue._heap) < 2_000
    assert go(queue, NOW + 3600) == [19_999]


def test_other_limits_apply_from_now_on() -> None:
    queue = make(concurrent=1)
    for task in range(3):
        queue.add(task, NOW)
    assert go(queue, NOW) == [0]
    queue.change(RateLimits(max_concurrent_dispatches=3), now=NOW)
    assert go(queue, NOW) == [1, 2]
    assert queue.statistics().max_in_flight == 3


@given(
    rate=st.floats(0.1, 500),
    concurrent=st.integers(1, 20),
    tasks=st.lists(st.floats(0, 100), max_size=80),
    steps=st.lists(st.tuples(st.floats(0.01, 30), st.integers(0, 20)), max_size=40),
)
def test_every_task_goes_once_and_never_too_early_nor_above_a_limit(
    rate: float, concurrent: int, tasks: list[float], steps: list[tuple[float, int]]
) -> None:
    queue = make(rate=rate, concurrent=concurrent, burst=10)
    for task, delay in enumerate(tasks):
        queue.add(task, NOW + delay)
    now, flying, gone = NOW, set[int](), set[int]()
    for step, ends in steps:
        now += step
        for task in list(flying)[:ends]:
            queue.finish(task)
            flying.discard(task)
        for task, due in queue.take(now, slots=100):
            assert due == NOW + tasks[task]
            assert due <= now
            assert task not in gone
            flying.add(task)
            gone.add(task)
        assert len(flying) <= concurrent
        assert len(gone) <= 10 + rate * (now - NOW) + 0.01
    for task in flying:
        queue.finish(task)
    while (again := queue.look_again_at(now)) is not None:
        now = max(now, again)
        for task, _ in queue.take(now, slots=100):
            gone.add(task)
            queue.finish(task)
    assert gone == set(range(len(tasks)))


def test_tasks_that_are_due_change_places_and_no_other_does() -> None:
    queue = make()
    for task in range(50):
        queue.add(task, NOW)
    queue.add(50, NOW + 60)
    queue.shuffle_due(NOW, random.Random(1))
    shuffled = go(queue, NOW)
    assert shuffled != sorted(shuffled)
    assert sorted(shuffled) == list(range(50))
    assert queue.look_again_at(NOW) == NOW + 60


def test_a_forced_attempt_takes_no_token_and_no_slot_and_does_not_mind_a_pause() -> None:
    queue = make(rate=0.001, burst=1, concurrent=1)
    queue.add(1, NOW + 3600)
    queue.paused = True
    assert queue.force(1, NOW)
    assert queue.under_way(1) == (NOW,)
    assert not queue.force(2, NOW)  # unknown
    queue.paused = False
    queue.add(2, NOW)
    assert go(queue, NOW) == [2]


def test_a_task_waits_again_only_when_none_of_its_attempts_is_under_way() -> None:
    queue = make()
    queue.add(1, NOW)
    assert go(queue, NOW) == [1]
    assert queue.force(1, NOW + 1)
    queue.finish(1)
    queue.add(1, NOW + 2)
    queue.settle(1, NOW)
    assert go(queue, NOW + 60) == []
    assert queue.under_way(1) == (NOW + 1,)
    queue.settle(1, NOW + 1)
    assert queue.look_again_at(NOW + 60) == NOW + 60
    assert go(queue, NOW + 60) == [1]


def test_a_task_discarded_or_purged_while_under_way_does_not_come_back() -> None:
    queue = make()
    for task in (1, 2):
        queue.add(task, NOW + 10)
        assert queue.force(task, NOW)
    queue.discard(1)
    queue.discard_through(2)
    for task in (1, 2):
        queue.settle(task, NOW)
    assert go(queue, NOW + 60) == []
    assert not queue.force(1, NOW + 60)
