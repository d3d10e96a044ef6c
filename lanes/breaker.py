"""Leaves a failing target alone for a while; it never waits, retries or judges what a failure is.

    closed ──────── failures by either rule ────────▶ open
      ▲                                                │ `open_for` is over
      │ the probe succeeds                             ▼
      └──────────── half-open: one probe ──────────────┘ and back to open when it fails

Pure: from a state, the settings and the time to the next state. `CircuitBreakers` keeps one for each target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(Enum):
    """How an admitted call ended."""

    SUCCEEDED = auto()
    FAILED = auto()
    RELEASED = auto()
    """It says nothing of the target: cancelled, or never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Either rule opens the breaker."""

    consecutive_failures: int = 5
    failure_rate: float | None = None
    """Share of failed calls in the window, above 0 up to 1; None turns this rule off."""
    window: float = 60.0
    """Seconds that the failure rate looks back."""
    minimum_calls: int = 20
    """Fewer calls in the window say nothing."""
    open_for: float = 30.0
    """Seconds until a probe may go."""
    probe_age: float = 30.0
    """Seconds after which an unfinished probe's place is free again; at least a call's deadline."""

    def __post_init__(self) -> None:
        if self.consecutive_failures < 1 or self.minimum_calls < 1:
            raise ValueError("consecutive_failures and minimum_calls must be at least 1")
        if self.failure_rate is not None and not 0 < self.failure_rate <= 1:
            raise ValueError("failure_rate is a share: above 0 up to 1, or None")
        if min(self.window, self.open_for, self.probe_age) <= 0:
            raise ValueError("window, open_for and probe_age are seconds above 0")


@dataclass(frozen=True, slots=True)
class Window:
    """Calls of the current window and of the one before, whose share fades out as the current one fills."""

    start: float = 0.0
    calls: int = 0
    failures: int = 0
    earlier_calls: int = 0
    earlier_failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """All there is to know of one target, in plain numbers, so that it may be stored and shared.

    Instances that share it must run their breakers on one clock: the time since the epoch.
    """

    phase: Phase = Phase.CLOSED
    since: float = 0.0
    """When the phase began."""
    retry_at: float = 0.0
    """Open: when a probe may go. Half-open: when the probe's place is free at the latest. Closed: unused."""
    term: int = 0
    """Numbers phases and probes: a verdict counts only in the term that admitted its call."""
    failures: int = 0
    """In a row."""
    window: Window = Window()


def admitted(state: BreakerState, settings: BreakerSettings, now: float) -> BreakerState | None:
    """The state with one more call under way; None when it must come back at `state.retry_at`."""
    if state.phase is Phase.CLOSED:
        return state
    if now < state.retry_at:
        return None
    since = state.since if state.phase is Phase.HALF_OPEN else now
    return BreakerState(
        phase=Phase.HALF_OPEN, since=since, retry_at=now + settings.probe_age, term=state.term + 1
    )


def ended(
    state: BreakerState, settings: BreakerSettings, now: float, *, term: int, verdict: Verdict
) -> BreakerState:
    """The state after a call admitted in `term` ended so; verdicts of earlier terms change nothing."""
    if term != state.term:
        return state
    if state.phase is Phase.HALF_OPEN:
        return _probed(state, settings, now, verdict)
    if verdict is Verdict.RELEASED:
        return state
    failed = verdict is Verdict.FAILED
    failures = state.failures + 1 if failed else 0
    window = state.window
    if settings.failure_rate is not None:
        window = _counted(window, settings.window, now, failed)
    if failed and (failures >= settings.consecutive_failures or _too_many(window, settings, now)):
        return _opened(state, settings, now)
    if failures == state.failures and window is state.window:
        return state
    return replace(state, failures=failures, window=window)


def adopted(own: BreakerState, theirs: BreakerState) -> BreakerState:
    """The state of the later phase: what an instance does that learns of another one's."""
    return replace(theirs, term=own.term + 1) if theirs.since > own.since else own


def _probed(state: BreakerState, settings: BreakerSettings, now: float, verdict: Verdict) -> BreakerState:
    match verdict:
        case Verdict.SUCCEEDED:
            return BreakerState(since=now, term=state.term + 1)
        case Verdict.FAILED:
            return _opened(state, settings, now)
        case Verdict.RELEASED:
            return replace(state, retry_at=now)


def _opened(state: BreakerState, settings: BreakerSettings, now: float) -> BreakerState:
    return BreakerState(phase=Phase.OPEN, since=now, retry_at=now + settings.open_for, term=state.term + 1)


def _counted(window: Window, width: float, now: float, failed: bool) -> Window:
    age = now - window.start
    if age >= 2 * width:
        window = Window(start=now)
    elif age >= width:
        window = Window(window.start + width, 0, 0, window.calls, window.failures)
    return replace(window, calls=window.calls + 1, failures=window.failures + failed)


def _too_many(window: Window, settings: BreakerSettings, now: float) -> bool:
    if settings.failure_rate is None:
        return False
    fading = min(1.0, 1 - (now - window.start) / settings.window)
    calls = window.calls + fading * window.earlier_calls
    failures = window.failures + fading * window.earlier_failures
    return calls >= settings.minimum_calls and failures >= settings.failure_rate * calls
