"""Says when a target may next be called at its rate; it never waits and never calls.

Who is told a later time comes back then and goes: the slot is booked. All of it belongs to one event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_EARLY = 1e-3  # of an interval: what rounding may make a slot come late, so it counts as now


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    per_second: float
    """Calls a second; may be a fraction."""
    burst: int = 1
    """Calls at once after a rest."""
    jitter: float = 1.0
    """Share of an interval, 0 to 1, over which slots that lie ahead are spread; they keep their order."""

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("per_second must be above 0 and burst at least 1")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter is a share of an interval: 0 to 1")

    @property
    def interval(self) -> float:
        """Seconds between calls."""
        return 1 / self.per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class RateState:
    """All there is to know of one target, in plain numbers, so that it may be stored and shared.

    The virtual schedule of ITU-T I.371's generic cell rate algorithm. Instances that share it must run on one
    clock: the time since the epoch.
    """

    booked_until: float = 0.0
    """The theoretical arrival time: with a burst of one, the first moment that is not booked."""
    newest: float | None = None
    """The slot that was booked last, if it may be given back."""
    before_newest: float = 0.0
    """`booked_until` before it."""


def slot_ahead(state: RateState, settings: RateSettings, now: float, not_before: float = 0.0) -> float:
    """The next free slot, without its jitter; `now` if there is one now."""
    slot = max(not_before, state.booked_until - (settings.burst - 1) * settings.interval)
    return slot if slot > now + _EARLY * settings.interval else now


def booked(
    state: RateState, settings: RateSettings, now: float, *, not_before: float = 0.0, spread: float
) -> tuple[float, RateState]:
    """The next free slot, and the state with it booked.

    Args:
        not_before: earlier slots are passed over, and lost to others.
        spread: from 0 up to 1, at random: the place within the jitter.
    """
    slot = slot_ahead(state, settings, now, not_before)
    at = slot + spread * settings.jitter * settings.interval if slot > now else now
    until = max(state.booked_until, slot) + settings.interval
    return at, RateState(booked_until=until, newest=at, before_newest=state.booked_until)


def given_back(state: RateState, slot: float) -> RateState | None:
    """The state without the slot; None unless it is the newest, since later ones are booked behind others."""
    return RateState(booked_until=state.before_newest) if slot == state.newest else None


def merged(own: RateState, theirs: RateState) -> RateState:
    """The longer of two lines: what an instance does that learns of another one's bookings."""
    return RateState(booked_until=theirs.booked_until) if theirs.booked_until > own.booked_until else own


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStatistics:
    targets: int
    max_targets: int
    reserved: int
    """Slots since the start."""
    ahead: int
    """Those of them that lay in the future."""
    given_back: int
    untracked: int
    """Slots since the start that were not booked, since all remembered targets had bookings ahead."""


class Rates:
    """The line of booked slots of each target.

    Remembers `max_targets`, and forgets those without a booking ahead, which loses nothing. When all have
    some, a new target is answered as one that rests, unbooked, and counted: others' lines are not its own.

    Args:
        clock: seconds; the time since the epoch where states are shared between instances.
        random: from 0 up to 1.
    """

    def __init__(
        self,
        settings: RateSettings,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        max_targets: int = 10_000,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._max_targets = max_targets
        self._states: dict[str, RateState] = {}
        self._none_rests_before = 0.0
        self._reserved = 0
        self._ahead = 0
        self._given_back = 0
        self._untracked = 0

    def reserve(self, target: str, *, not_before: float = 0.0) -> float:
        """Book the next slot; up to now: go at once, later: come back then and go without reserving again.

        Args:
            not_before: for a call that would be in vain earlier, such as a breaker's `retry_at`.
        """
        now = self._clock()
        slot, state = booked(
            self.state(target), self._settings, now, not_before=not_before, spread=self._random()
        )
        self._reserved += 1
        self._ahead += slot > now
        if target in self._states or self._has_room(now):
            self._states[target] = state
        else:
            self._untracked += 1
        return slot

    def peek(self, target: str) -> float:
        """When the next slot is, without its jitter; books nothing."""
        return slot_ahead(self.state(target), self._settings, self._clock())

    def give_back(self, target: str, slot: float) -> bool:
        """Free a slot that `reserve` answered and nobody will use; False when it stays lost.

        Only the target's newest can be given to another: later callers know their times already.
        """
        state = given_back(self.state(target), slot)
        if state is None:
            return False
        self._states[target] = state
        self._given_back += 1
        return True

    def state(self, target: str) -> RateState:
        """What is known of the target: that of a resting one if it is not remembered."""
        return self._states.get(target) or RateState()

    def adopt(self, target: str, state: RateState) -> bool:
        """Go by another instance's bookings where they reach further; whether they were taken."""
        own = self.state(target)
        after = merged(own, state)
        if after is own or not (target in self._states or self._has_room(self._clock())):
            return False
        self._states[target] = after
        return True

    def statistics(self) -> RateStatistics:
        return RateStatistics(
            targets=len(self._states),
            max_targets=self._max_targets,
            reserved=self._reserved,
            ahead=self._ahead,
            given_back=self._given_back,
            untracked=self._untracked,
        )

    def _has_room(self, now: float) -> bool:
        if len(self._states) >= self._max_targets and now >= self._none_rests_before:
            self._states = {name: state for name, state in self._states.items() if state.booked_until > now}
            self._none_rests_before = min((s.booked_until for s in self._states.values()), default=now)
        return len(self._states) < self._max_targets
