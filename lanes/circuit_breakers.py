"""Admits calls by their target's circuit breaker; it never waits: who is refused learns when to come back.

All of it belongs to one event loop.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

from lanes.breaker import BreakerSettings, BreakerState, Phase, Verdict, admitted, adopted, ended
from lanes.errors import BreakerOpen


@dataclass(frozen=True, slots=True)
class Transition:
    target: str
    before: Phase
    after: Phase
    state: BreakerState
    """What to share with other instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStatistics:
    closed: int
    """Targets in this phase that are remembered."""
    open: int
    half_open: int
    max_targets: int
    refused: int
    """Calls since the start."""
    untracked: int
    """Calls since the start that no breaker watched, since the registry was full of open ones."""
    evicted: int
    transitions: Mapping[tuple[Phase, Phase], int]
    """How often since the start, by (before, after)."""


class Attempt:
    """One admitted call: a context that ends in the first verdict given, or in a release."""

    __slots__ = ("_end", "_target", "_term")

    def __init__(self, end: Callable[[str, int, Verdict], None] | None, target: str, term: int) -> None:
        self._end = end
        self._target = target
        self._term = term

    def succeeded(self) -> None:
        self._finish(Verdict.SUCCEEDED)

    def failed(self) -> None:
        self._finish(Verdict.FAILED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(Verdict.RELEASED)

    def _finish(self, verdict: Verdict) -> None:
        end, self._end = self._end, None
        if end is not None:
            end(self._target, self._term, verdict)


class CircuitBreakers:
    """A breaker for each target: `with breakers.admit(target) as attempt: … attempt.succeeded()`.

    Remembers `max_targets`. A new one takes the place of the closed one that was longest unused; open and
    half-open ones are never forgotten but by `forget`. When all are open, calls to a new target are admitted
    unwatched, and counted: a healthy target must not pay for dead ones.

    Args:
        clock: seconds; the time since the epoch where states are shared between instances.
        on_transition: told of each change of phase; must be quick and must not raise.
    """

    def __init__(
        self,
        settings: BreakerSettings | None = None,
        *,
        clock: Callable[[], float],
        max_targets: int = 10_000,
        on_transition: Callable[[Transition], None] | None = None,
    ) -> None:
        self._settings = settings or BreakerSettings()
        self._clock = clock
        self._max_targets = max_targets
        self._on_transition = on_transition
        self._closed: OrderedDict[str, BreakerState] = OrderedDict()
        self._open: dict[str, BreakerState] = {}
        self._first_term = 0  # of a new target: above those of forgotten ones, whose calls may yet end
        self._refused = 0
        self._untracked = 0
        self._evicted = 0
        self._transitions: Counter[tuple[Phase, Phase]] = Counter()

    def admit(self, target: str) -> Attempt:
        """Let one call go.

        Raises:
            BreakerOpen: it must not go; says when to come back.
        """
        now = self._clock()
        state = self._state_or_new(target)
        if state is None:
            self._untracked += 1
            return Attempt(None, target, 0)
        after = admitted(state, self._settings, now)
        if after is None:
            self._refused += 1
            raise BreakerOpen(target, retry_at=state.retry_at, retry_after=state.retry_at - now)
        self._put(target, state, after)
        return Attempt(self._end, target, after.term)

    def retry_at(self, target: str) -> float | None:
        """When to come back, in the clock's seconds; None when a call would be admitted now."""
        state = self._open.get(target)
        return state.retry_at if state is not None and self._clock() < state.retry_at else None

    def state(self, target: str) -> BreakerState:
        """What is known of the target: that of a new one if it is not remembered."""
        return self._open.get(target) or self._closed.get(target) or BreakerState()

    def adopt(self, target: str, state: BreakerState) -> bool:
        """Go by another instance's state if its phase is the later one; whether it was taken."""
        own = self._state_or_new(target)
        if own is None:
            return False
        after = adopted(own, state)
        self._put(target, own, after)
        return after is not own

    def forget(self, target: str) -> None:
        """The target is gone or disabled: give its place free, open or not."""
        state = self._open.pop(target, None) or self._closed.pop(target, None)
        if state is not None:
            self._first_term = max(self._first_term, state.term + 1)

    def statistics(self) -> BreakerStatistics:
        half_open = sum(state.phase is Phase.HALF_OPEN for state in self._open.values())
        return BreakerStatistics(
            closed=len(self._closed),
            open=len(self._open) - half_open,
            half_open=half_open,
            max_targets=self._max_targets,
            refused=self._refused,
            untracked=self._untracked,
            evicted=self._evicted,
            transitions=MappingProxyType(dict(self._transitions)),
        )

    def _end(self, target: str, term: int, verdict: Verdict) -> None:
        state = self._open.get(target) or self._closed.get(target)
        if state is not None:
            after = ended(state, self._settings, self._clock(), term=term, verdict=verdict)
            self._put(target, state, after)

    def _state_or_new(self, target: str) -> BreakerState | None:
        state = self._open.get(target) or self._closed.get(target)
        if state is not None:
            return state
        if len(self._open) + len(self._closed) >= self._max_targets:
            if not self._closed:
                return None
            self._evicted += 1
            self.forget(next(iter(self._closed)))
        state = self._closed[target] = BreakerState(term=self._first_term)
        return state

    def _put(self, target: str, before: BreakerState, after: BreakerState) -> None:
        if after.phase is not Phase.CLOSED:
            self._closed.pop(target, None)
            self._open[target] = after
        else:
            self._open.pop(target, None)
            self._closed[target] = after
            self._closed.move_to_end(target)
        if before.phase is not after.phase:
            self._transitions[before.phase, after.phase] += 1
            if self._on_transition is not None:
                self._on_transition(Transition(target, before.phase, after.phase, after))
