"""Measures how long an event loop lets events wait, from a thread outside of it; it never waits for the loop.

A timer inside the loop sleeps through a stall together with everything else and so understates it by an
order of magnitude. An event handed in from outside waits exactly as a request does.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Protocol

from lanes.stalls import Cause, Lateness, Stalls, cause_of

logger = logging.getLogger(__name__)

_CATCH_UP = 60.0
"""Seconds by which the prober may be late and still send what it missed: beyond, the machine was asleep."""
_SAMPLES = 3
"""Stacks looked at in one stall; the first is logged."""
_LOG_PERIOD = 1.0
"""Seconds between two log lines at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLagSettings:
    """Durations are seconds."""

    period: float = 0.1
    """Mean time between two probes; each is jittered by half, so that no rhythm of the loop hides from it."""
    stall: float = 0.25
    """A wait longer than this is a stall."""
    max_outstanding: int = 600
    """Probes that wait for a loop at a time: about a minute's. A loop that is stuck gets no more of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLagStatistics:
    current: float
    """Seconds that the oldest unanswered probe has waited: what a request would wait, at least, right now."""
    outstanding: int
    max_outstanding: int
    stalls_total: dict[Cause, int]
    stall_seconds_total: dict[Cause, float]
    last_source: str
    """The innermost frame of the application in the last stall, as `file.py:function`; may be empty."""


class LagObserver(Protocol):
    """Is told what was measured, in the prober's thread."""

    def lag(self, seconds: float) -> object: ...


@dataclass(frozen=True, slots=True)
class _Probe:
    intended: float
    cpu: float | None
    """CPU seconds of the loop's thread when it was sent."""
    late: float
    """Seconds that the prober had been late in all until it was to be sent: its own delay comes after."""


class LoopLagProbe:
    """Probes the event loop that opens it, until it is closed. Works on asyncio and uvloop alike."""

    def __init__(
        self,
        settings: LoopLagSettings | None = None,
        *,
        observer: LagObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings or LoopLagSettings()
        self._observer = observer
        self._clock = clock
        self._luck = luck
        # Appended to on one side and taken from on the other; both are atomic, so neither side waits.
        self._outstanding: deque[_Probe] = deque()
        self._answered: deque[tuple[_Probe, float, float]] = deque()
        self._stop: SimpleQueue[None] = SimpleQueue()
        self._stalls = Stalls()
        self._samples_left = _SAMPLES
        self._late = Lateness()
        self._source = ""
        self._log_again_at = float("-inf")

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._cpu_clock = _cpu_clock(self._thread_id)
        self._thread = threading.Thread(target=self._run, name="loop-lag", daemon=True)
        self._thread.start()

    async def aclose(self) -> None:
        """End probing. The thread ends by itself within a moment."""
        self._stop.put(None)

    def statistics(self) -> LoopLagStatistics:
        oldest = next(iter(self._outstanding), None)
        return LoopLagStatistics(
            current=max(0.0, self._clock() - oldest.intended) if oldest else 0.0,
            outstanding=len(self._outstanding),
            max_outstanding=self._settings.max_outstanding,
            stalls_total=dict(self._stalls.count),
            stall_seconds_total=dict(self._stalls.seconds),
            last_source=self._source,
        )

    def _run(self) -> None:
        """The thread."""
        intended = self._clock()
        while self._is_on_until(intended):
            now = self._clock()
            late_before = self._late.seconds
            self._late.add(intended, now)
            self._take_answers()
            self._look(now)
            try:
                self._send(intended, late_before)
            except RuntimeError:  # the loop was closed without closing this first
                return
            if now - intended > _CATCH_UP:
                intended = now
            intended += self._settings.period * (0.5 + self._luck())

    def _is_on_until(self, moment: float) -> bool:
        """Wait until `moment`, or return False once the probe is closed."""
        try:
            self._stop.get(timeout=max(0.0, moment - self._clock()))
        except Empty:
            return True
        return False

    def _send(self, intended: float, late: float) -> None:
        if len(self._outstanding) >= self._settings.max_outstanding:
            return  # the age of the oldest says enough
        probe = _Probe(intended, self._cpu_seconds(), late)
        self._outstanding.append(probe)
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        """On the loop; probes are answered in the order in which they were sent."""
        self._answered.append((self._outstanding.popleft(), self._clock(), time.thread_time()))

    def _take_answers(self) -> None:
        while self._answered:
            probe, arrived, cpu = self._answered.popleft()
            lag = max(0.0, arrived - probe.intended)
            if self._observer is not None:
                self._observer.lag(lag)
            if lag > self._settings.stall:
                self._count(probe, arrived, cpu)

    def _look(self, now: float) -> None:
        """Count a stall that goes on, and see where the loop is."""
        oldest = next(iter(self._outstanding), None)
        if oldest is None or now - oldest.intended <= self._settings.stall:
            return
        self._count(oldest, now, self._cpu_seconds())
        if self._samples_left:
            self._sample(now, now - oldest.intended)
            self._samples_left -= 1

    def _count(self, probe: _Probe, until: float, cpu: float | None) -> None:
        used = None if cpu is None or probe.cpu is None else cpu - probe.cpu
        late = self._late.seconds - probe.late
        cause = cause_of(duration=until - probe.intended, cpu_seconds=used, prober_late=late)
        if self._stalls.add(probe.intended, until, cause):
            self._samples_left = _SAMPLES

    def _sample(self, now: float, age: float) -> None:
        stacks = sys._current_frames()  # noqa: SLF001 (documented; the underscore says: for debuggers)
        frame = _application_frame(stacks.get(self._thread_id))
        if frame is None:
            return
        self._source = f"{_short(frame.f_code.co_filename)}:{frame.f_code.co_name}"
        if self._samples_left == _SAMPLES and now >= self._log_again_at:
            self._log_again_at = now + _LOG_PERIOD
            logger.warning(
                "the event loop has run nothing for %.2f s: it is in %s, line %d",
                age,
                self._source,
                frame.f_lineno,
            )

    def _cpu_seconds(self) -> float | None:
        return None if self._cpu_clock is None else time.clock_gettime(self._cpu_clock)


def _cpu_clock(thread_id: int) -> int | None:
    """The clock of a thread's CPU time, where the platform has one."""
    getter = getattr(time, "pthread_getcpuclockid", None)
    return None if getter is None else int(getter(thread_id))


def _application_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is neither Python's own nor an installed package's; else the innermost."""
    foreign = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    innermost = frame
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((*foreign, "<")):
            return frame
        frame = frame.f_back
    return innermost


def _short(filename: str) -> str:
    """The last two parts of a path: enough to find it, and few enough for a label."""
    return "/".join(filename.replace("\\", "/").split("/")[-2:])
