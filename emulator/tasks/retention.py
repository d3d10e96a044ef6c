"""Takes away what is too old: names of tasks that ended, and tasks of 31 days; it ends nothing else."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

from emulator.engine.backoff import RETENTION
from emulator.engine.clock import Clock, sleep_until
from emulator.errors import StoreError
from emulator.store import Store
from emulator.tasks import dead_rows, tables
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.queues import Queues

logger = logging.getLogger(__name__)

_PERIOD = 60.0
"""Seconds between two sweeps."""
_BATCH = 1000
"""Names freed in one write, so that a sweep holds up no call for long."""
_OLD_BATCH = 100
"""Tasks ended in one write; they are copied whole."""
_REASON = "it is 31 days old, and was not delivered"


class Retention:
    """Sweeps now and every minute, from `open` to `aclose`."""

    def __init__(
        self, store: Store, clock: Clock, dispatcher: Dispatcher, queues: Queues, *, tombstone_ttl: float
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._queues = queues
        self._tombstone_ttl = tombstone_ttl
        self.dead_dropped = 0  # dead tasks that left for newer ones

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except StoreError:
                logger.exception("the sweep of old tasks failed; it goes again in %g s", _PERIOD)
            await sleep_until(self._clock, self._clock.now() + _PERIOD)

    async def sweep(self) -> None:
        """End the tasks past retention, then free the names past their time."""
        now = self._clock.now()
        for queue in list(self._queues):
            while await self._end_old(queue, now) == _OLD_BATCH:
                continue
        while await self._free_names(now) == _BATCH:
            continue

    async def _end_old(self, queue: LiveQueue, now: float) -> int:
        """The service deletes such tasks; here they are kept as dead."""

        def end(connection: sqlite3.Connection) -> tuple[list[int], int]:
            dropped = 0
            old = tables.pending_created_before(connection, queue.key, now - RETENTION, limit=_OLD_BATCH)
            if old:
                dead_rows.bury(connection, old, now=now, reason=_REASON)
                tables.end_tasks(connection, old, now=now)
                dropped = dead_rows.drop_oldest(connection, queue.key)
            return old, dropped

        ended, dropped = await self._store.write(end)
        self.dead_dropped += dropped
        for key in ended:
            queue.dispatch.discard(key)
        if ended:
            self._dispatcher.look(queue)
            logger.warning("%d tasks of %s are dead: %s", len(ended), queue.name, _REASON)
        return len(ended)

    async def _free_names(self, now: float) -> int:
        return await self._store.write(
            lambda connection: tables.delete_ended(connection, now - self._tombstone_ttl, limit=_BATCH)
        )
