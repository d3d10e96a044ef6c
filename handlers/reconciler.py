"""Finds follow-ups that were recorded and never started, and does them again. It runs no side effect.

An outcome is recorded before what follows from it is done. Should the queue lose its task in between, then
nobody calls again; but the row still holds the envelope, and is overdue. Doing a follow-up again is harmless:
a task that is only late has its name, and a dead letter its id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contracts import SETTLE_BUDGET, Catalog, CatalogError, Envelope, Undecodable
from handlers.follow_up import FollowUp
from lanes import Sample, Telemetry
from producers import ProducerError, Unreachable
from stores import Ledger, Row, StoreError

_log = logging.getLogger(__name__)

GRACE = timedelta(minutes=5)
"""How long after it was due a follow-up may have to wait in a queue that is well."""
PAGE = 50
LIMIT = 2000
"""Rows looked at in one run; the next run begins with the earliest again."""
PER_SECOND = 50.0
"""Follow-ups done again in a second; the queues' own rates are for what is in them already."""
SWEEP = 500
"""Expired rows that one transaction forgets, and `SWEEPS` of these a run."""
SWEEPS = 20


class Found(StrEnum):
    """What became of an overdue row; the values are labels of a metric."""

    REDONE = "redone"
    """What was to follow was not there."""
    THERE = "there"
    """It was there, and is only late."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one run came to."""

    redone: int = 0
    there: int = 0
    failed: int = 0
    swept: int = 0
    """Expired rows that were forgotten."""
    oldest: timedelta | None = None
    """For how long the first row was overdue."""
    complete: bool = True
    """Every overdue row was looked at; if not, more are left for the next run."""


class Reconciler:
    """One for each event loop. `run` is bounded: `LIMIT` rows at `PER_SECOND`."""

    def __init__(
        self,
        ledger: Ledger,
        follow_up: FollowUp,
        catalog: Catalog,
        *,
        telemetry: Telemetry,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limit: int = LIMIT,
    ) -> None:
        self._ledger = ledger
        self._follow_up = follow_up
        self._catalog = catalog
        self._counter = telemetry.reconciled
        self._clock = clock
        self._sleep = sleep
        self._limit = limit
        self._oldest = timedelta(0)
        telemetry.read(self._samples)

    async def run(self) -> Reconciled:
        """Do what is overdue again, the earliest first, and forget what has expired.

        It ends early where Cloud Tasks or Pub/Sub cannot be reached, and then is not complete.

        Raises:
            StoreUnavailable: the ledger is away.
        """
        now = self._clock()
        counts = dict.fromkeys(Found, 0)
        oldest: timedelta | None = None
        complete = True
        async for row in self._overdue(now - GRACE):
            if oldest is None and row.follow_up_due is not None:
                oldest = now - row.follow_up_due
            if sum(counts.values()) == self._limit:
                complete = False
                break
            try:
                found = await self._redo(row)
            except Unreachable as error:
                _log.warning("follow-ups cannot be done again now: %s", error)
                counts[Found.FAILED] += 1
                complete = False
                break
            counts[found] += 1
            await self._sleep(1 / PER_SECOND)
        self._oldest = oldest or timedelta(0)
        return Reconciled(
            redone=counts[Found.REDONE],
            there=counts[Found.THERE],
            failed=counts[Found.FAILED],
            swept=await self._sweep(now),
            oldest=oldest,
            complete=complete,
        )

    async def _overdue(self, before: datetime) -> AsyncIterator[Row]:
        last: Row | None = None
        while page := await self._ledger.overdue(before, limit=PAGE, after=last):
            for row in page:
                yield row
            last = page[-1]

    async def _redo(self, row: Row) -> Found:
        """Raises `Unreachable`; whatever else is wrong with one row keeps nobody from the others."""
        found = Found.FAILED
        try:
            async with asyncio.timeout(SETTLE_BUDGET.total_seconds()):
                found = Found.REDONE if await self._follow(row) else Found.THERE
        except (Undecodable, CatalogError, ProducerError, StoreError, TimeoutError) as error:
            _log.error("%s %s cannot go on: %s", row.key.type, row.key.identity, error)
            if isinstance(error, Unreachable):
                raise
        finally:
            kind = row.outcome.kind if row.outcome else "none"
            self._counter.labels(outcome=kind, found=found).inc()
        return found

    async def _follow(self, row: Row) -> bool:
        if row.outcome is None or row.body is None:
            raise AssertionError(f"nothing is to follow from {row.key}")
        return await self._follow_up(
            Envelope.decode(row.body),
            row.outcome,
            queue=self._catalog.get(row.queue),
            target=row.target,
            owner=row.owner,
        )

    async def _sweep(self, now: datetime) -> int:
        swept = 0
        for _ in range(SWEEPS):
            count = await self._ledger.sweep(now, limit=SWEEP)
            swept += count
            if count < SWEEP:
                break
        return swept

    def _samples(self) -> Iterator[Sample]:
        yield Sample("sidelane_overdue_oldest_seconds", (), self._oldest.total_seconds())
