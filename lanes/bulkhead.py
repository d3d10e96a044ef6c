"""Bounds how many calls of one target are under way; it never lets one target use another's places.

All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lanes.errors import BulkheadFull, LaneClosed, NotAdmitted


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadSettings:
    max_concurrent: int
    """Calls of one target under way."""
    max_waiting: int = 0
    """Calls of one target waiting for a place; with none, a full target refuses at once."""
    max_wait: float = 1.0
    """Seconds until a waiting call is refused."""
    max_targets: int = 10_000
    """Targets with calls under way; more are refused."""

    def __post_init__(self) -> None:
        if self.max_concurrent < 1 or self.max_targets < 1:
            raise ValueError("max_concurrent and max_targets must be at least 1")
        if self.max_waiting < 0 or self.max_wait <= 0:
            raise ValueError("max_waiting must be 0 or more and max_wait seconds above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadStatistics:
    targets: int
    """With calls under way."""
    max_targets: int
    in_flight: int
    waiting: int
    max_concurrent: int
    """Of one target."""
    admitted: int
    """Calls since the start, as are the following."""
    waited: int
    """Those that had to wait, admitted in the end or not."""
    waited_seconds: float
    refused_full: int
    """No place, and no place to wait."""
    refused_late: int
    """Waited in vain."""
    refused_targets: int
    """Too many targets."""


@dataclass(slots=True)
class _Calls:
    in_flight: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Bulkheads:
    """Places for the calls of each target: `async with bulkheads.place(target): …`.

    First come, first served. A target without calls costs nothing; when `max_targets` have calls under way, a
    call to one more is refused.

    Args:
        on_wait: told how many seconds each call waited that was admitted (0 for most) or gave up; must be
            quick and must not raise.
        refusal: makes the error of a refused call, of the target and why there is no place.
    """

    def __init__(
        self,
        settings: BulkheadSettings,
        *,
        on_wait: Callable[[float], None] | None = None,
        refusal: Callable[[str, str], NotAdmitted] = BulkheadFull,
    ) -> None:
        self._settings = settings
        self._refusal = refusal
        self._on_wait = on_wait
        self._targets: dict[str, _Calls] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_flight = 0
        self._waiting = 0
        self._admitted = 0
        self._waited = 0
        self._waited_seconds = 0.0
        self._refused_full = 0
        self._refused_late = 0
        self._refused_targets = 0

    @asynccontextmanager
    async def place(
        self, target: str, *, max_wait: float | None = None, max_concurrent: int | None = None
    ) -> AsyncIterator[None]:
        """A place for one call, free again when the context ends, cancelled or not.

        Args:
            max_wait: seconds, instead of the settings'; 0 refuses at once.
            max_concurrent: a lower bound than the settings', for this call.

        Raises:
            BulkheadFull: no place, nowhere to wait, or none became free in time; or the bulkhead's `refusal`.
            LaneClosed: the bulkhead is in use on another event loop.
        """
        most = min(max_concurrent or self._settings.max_concurrent, self._settings.max_concurrent)
        await self._take(target, most, self._settings.max_wait if max_wait is None else max_wait)
        try:
            yield
        finally:
            self._leave(target)

    def statistics(self) -> BulkheadStatistics:
        return BulkheadStatistics(
            targets=len(self._targets),
            max_targets=self._settings.max_targets,
            in_flight=self._in_flight,
            waiting=self._waiting,
            max_concurrent=self._settings.max_concurrent,
            admitted=self._admitted,
            waited=self._waited,
            waited_seconds=self._waited_seconds,
            refused_full=self._refused_full,
            refused_late=self._refused_late,
            refused_targets=self._refused_targets,
        )

    async def _take(self, target: str, most: int, max_wait: float) -> None:
        self._bind()
        calls = self._targets.get(target)
        if calls is None:
            calls = self._first_call(target)
        elif calls.in_flight >= most:
            if len(calls.waiting) >= self._settings.max_waiting or max_wait <= 0:
                self._refused_full += 1
                raise self._refusal(
                    target, f"{calls.in_flight} calls under way, {len(calls.waiting)} waiting"
                )
            await self._wait(target, calls, max_wait)
            self._admitted += 1
            return
        calls.in_flight += 1
        self._in_flight += 1
        self._admitted += 1
        if self._on_wait is not None:
            self._on_wait(0.0)

    def _leave(self, target: str) -> None:
        """End a call: its place goes to the one that has waited longest."""
        calls = self._targets[target]
        while calls.waiting:
            turn = calls.waiting.popleft()
            if not turn.done():  # not cancelled a moment ago
                turn.set_result(None)
                return
        calls.in_flight -= 1
        self._in_flight -= 1
        if calls.in_flight == 0:
            del self._targets[target]

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise LaneClosed("this bulkhead is in use on another event loop: make one for each loop")

    def _first_call(self, target: str) -> _Calls:
        if len(self._targets) >= self._settings.max_targets:
            self._refused_targets += 1
            raise self._refusal(target, f"{len(self._targets)} other targets have calls under way")
        calls = self._targets[target] = _Calls()
        return calls

    async def _wait(self, target: str, calls: _Calls, max_wait: float) -> None:
        """Return with a place that another call left."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        turn: asyncio.Future[None] = loop.create_future()
        calls.waiting.append(turn)
        self._waiting += 1
        try:
            async with asyncio.timeout(max_wait):
                await turn
        except BaseException as error:
            if turn in calls.waiting:
                calls.waiting.remove(turn)
            elif not turn.cancelled():  # the place came at the moment of giving up
                self._leave(target)
            if isinstance(error, TimeoutError):
                self._refused_late += 1
                raise self._refusal(target, f"none became free within {max_wait:g} s") from None
            raise
        finally:
            waited = loop.time() - started
            self._waiting -= 1
            self._waited += 1
            self._waited_seconds += waited
            if self._on_wait is not None:
                self._on_wait(waited)
