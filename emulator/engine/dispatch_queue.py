"""Answers, for one queue, which tasks go now and when to look again; it sends nothing and knows no clock."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.engine.settings import RateLimits
from emulator.engine.throttle import Throttle
from emulator.engine.token_bucket import TokenBucket

_STALE_ALLOWED = 1024
_RECOVERS_IN = 1.0
"""Seconds after which a queue that was slowed down is looked at again, since its rate has grown."""
_SHUFFLED = 256
"""Due tasks that change places at a time, so that a long backlog costs no more than a short one."""


@dataclass(frozen=True, slots=True)
class DispatchQueueStatistics:
    """Tasks that wait for their time or turn, dispatches that wait for an answer, and their limit.

    Forced attempts are not among the dispatches, since the limit does not bound them. `under_way` counts
    attempts that have begun and are not recorded, forced ones included; `tasks` all that are not done.
    """

    waiting: int
    in_flight: int
    max_in_flight: int
    under_way: int
    tasks: int


class DispatchQueue:
    """The waiting tasks of one queue by due time, its token bucket, its slots and whether it is paused.

    A waiting task is a number and a due time (seconds since the epoch), some 200 bytes; what is in it stays
    on disk. There is no bound on waiting tasks, as the service has none.

    An attempt begins with `take` or `force`, gives its slot back with `finish`, and is over with `settle`,
    once its end is recorded. A task waits for its next turn only when no attempt of it is under way.
    """

    def __init__(self, rate_limits: RateLimits, *, paused: bool, now: float) -> None:
        self.paused = paused
        self._limits = rate_limits
        self._throttle = Throttle()
        self._share = 1.0  # of its rate, which the bucket has
        self._bucket = TokenBucket(
            rate=rate_limits.max_dispatches_per_second, burst=rate_limits.max_burst_size, now=now
        )
        self._due: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []  # an entry counts only while `_due` says the same
        self._in_flight: set[int] = set()
        self._under_way: dict[int, list[float]] = {}  # when the attempts of a task began
        self._begun = 0  # all of them together
        self._after: dict[int, float] = {}  # due times of tasks that wait once no attempt is under way

    def change(self, rate_limits: RateLimits, *, now: float) -> None:
        """Go on with other limits; what is in flight stays so."""
        self._limits = rate_limits
        self._refit(now)

    def slow_down(self, now: float) -> None:
        """The target is overloaded: dispatch at a lower rate for a while."""
        self._throttle.cut(now)

    def add(self, task: int, due: float) -> None:
        """Let `task` wait until `due`, and until no attempt of it is under way; a later call counts."""
        if task in self._under_way:
            self._after[task] = due
        else:
            self._wait(task, due)

    def restore(self, tasks: Iterable[tuple[int, float]]) -> None:
        """`add` for all (task, due) of a restart at once."""
        self._due.update(tasks)
        self._rebuild()

    def discard(self, task: int) -> None:
        """Let `task` go no more; attempts under way are left alone."""
        self._after.pop(task, None)
        if self._due.pop(task, None) is not None:
            self._forget_stale()

    def discard_through(self, task: int) -> None:
        """Let every task up to this number go no more."""
        self._after = {waiting: due for waiting, due in self._after.items() if waiting > task}
        self._due = {waiting: due for waiting, due in self._due.items() if waiting > task}
        self._rebuild()

    def discard_all(self) -> None:
        """Let no task go any more; attempts under way are left alone."""
        self._after.clear()
        self._due.clear()
        self._rebuild()

    def take(self, now: float, *, slots: int) -> list[tuple[int, float]]:
        """Take the tasks that go now, at most `slots`, as (task, due); each is an attempt that began now.

        A token is taken only with a due task and a slot in hand.
        """
        taken: list[tuple[int, float]] = []
        if self.paused:
            return taken
        if self._share != self._throttle.share(now):
            self._refit(now)
        slots = min(slots, self._limits.max_concurrent_dispatches - len(self._in_flight))
        while len(taken) < slots and (first := self._first()) is not None:
            due, task = first
            if due > now or not self._bucket.take(now):
                break
            heapq.heappop(self._heap)
            del self._due[task]
            self._in_flight.add(task)
            self._under_way[task] = [now]
            self._begun += 1
            taken.append((task, due))
        return taken

    def shuffle_due(self, now: float, chance: random.Random) -> None:
        """Let the tasks that are due, the first 256 of them, change places at random."""
        entries: list[tuple[float, int]] = []
        while len(entries) < _SHUFFLED and (first := self._first()) is not None and first[0] <= now:
            entries.append(heapq.heappop(self._heap))
        chance.shuffle(entries)
        due = min(entries, default=(now, 0))[0]
        for _, task in entries:
            self.add(task, due)
            due = math.nextafter(due, -math.inf)  # tasks due at one moment would go by number

    def force(self, task: int, now: float) -> bool:
        """Begin an attempt of `task` whatever else holds it back. False if there is no such task (any more).

        It takes no token and no slot.
        """
        due = self._due.pop(task, None)
        if due is not None:
            self._after[task] = due
            self._forget_stale()
        elif task not in self._under_way:
            return False
        self._under_way.setdefault(task, []).append(now)
        self._begun += 1
        return True

    def finish(self, task: int) -> None:
        """The attempt that `take` began got its answer: its slot is free."""
        self._in_flight.discard(task)

    def settle(self, task: int, began: float) -> None:
        """The attempt that began then is recorded; the task goes again if it was added meanwhile."""
        attempts = self._under_way[task]
        attempts.remove(began)
        self._begun -= 1
        if attempts:
            return
        del self._under_way[task]
        due = self._after.pop(task, None)
        if due is not None:
            self._wait(task, due)

    def look_again_at(self, now: float) -> float | None:
        """When `take` may find more; None if that takes another call first (`add`, `finish`, a resume)."""
        first = None if self.paused else self._first()
        if first is None or len(self._in_flight) >= self._limits.max_concurrent_dispatches:
            return None
        token_at = self._bucket.next_token_at(now)
        if self._share < 1:
            token_at = min(token_at, now + _RECOVERS_IN)
        return max(first[0], token_at)

    def under_way(self, task: int) -> Sequence[float]:
        """When the attempts of `task` that are not yet recorded began, in that order."""
        return tuple(self._under_way.get(task, ()))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way or being recorded, nor waits for anything but a resume."""
        return not self._under_way and (self.paused or not self._due)

    def first_due(self) -> float | None:
        """When the first of the waiting tasks is due, or None."""
        first = self._first()
        return first[0] if first else None

    def effective_rate(self, now: float) -> float:
        """Dispatches a second that are made at most."""
        return self._limits.max_dispatches_per_second * self._throttle.share(now)

    def statistics(self) -> DispatchQueueStatistics:
        return DispatchQueueStatistics(
            waiting=len(self._due),
            in_flight=len(self._in_flight),
            max_in_flight=self._limits.max_concurrent_dispatches,
            under_way=self._begun,
            tasks=len(self._due) + len(self._under_way),
        )

    def _refit(self, now: float) -> None:
        """Give the bucket the limits, and of them the share that the throttle leaves."""
        self._share = self._throttle.share(now)
        self._bucket.change(
            rate=self._limits.max_dispatches_per_second * self._share,
            burst=max(1, int(self._limits.max_burst_size * self._share)),
            now=now,
        )

    def _wait(self, task: int, due: float) -> None:
        self._due[task] = due
        heapq.heappush(self._heap, (due, task))
        self._forget_stale()

    def _first(self) -> tuple[float, int] | None:
        """The entry that is due first, stale ones dropped."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def _forget_stale(self) -> None:
        if len(self._heap) > 2 * len(self._due) + _STALE_ALLOWED:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [(due, task) for task, due in self._due.items()]
        heapq.heapify(self._heap)
