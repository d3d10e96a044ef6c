"""Keeps one pusher running for each push subscription in the store; it pushes nothing itself."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

from emulator.engine.clock import sleep_until
from emulator.errors import StoreError
from emulator.pubsub import subscriptions
from emulator.pubsub.changes import PUSH_SUBSCRIPTIONS
from emulator.pubsub.pusher import STORE_PAUSE, Pusher, PushTools
from emulator.store import Store

logger = logging.getLogger(__name__)


class Pushers:
    """Starts and ends pushers as subscriptions come, go, and turn between pull and push."""

    def __init__(self, store: Store, tools: PushTools) -> None:
        self._store = store
        self._tools = tools
        self._running: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        self._follower = asyncio.create_task(self._follow())

    async def aclose(self) -> None:
        """End the pushers; a push under way is cut off, and sent again after the next start."""
        await _end(self._follower, *self._running.values())

    async def _follow(self) -> None:
        with self._tools.wakeups.listen(PUSH_SUBSCRIPTIONS) as woken:
            while True:
                woken.clear()
                try:
                    wanted = set(await self._store.read(_push_subscriptions))
                except StoreError:
                    logger.exception("cannot read the push subscriptions; trying again")
                    await sleep_until(self._tools.clock, self._tools.clock.now() + STORE_PAUSE)
                    continue
                await _end(*[self._running.pop(name) for name in self._running.keys() - wanted])
                for name in wanted - self._running.keys():
                    self._start(name)
                await woken.wait()

    def _start(self, name: str) -> None:
        pusher = asyncio.create_task(Pusher(name, self._tools).run())
        self._running[name] = pusher
        pusher.add_done_callback(_log_defect)


def _push_subscriptions(db: sqlite3.Connection) -> list[str]:
    return [stored.resource.name for stored in subscriptions.every(db) if stored.is_push]


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_defect(pusher: asyncio.Task[None]) -> None:
    if not pusher.cancelled() and pusher.exception() is not None:
        logger.error("pushing stopped by a defect of the emulator", exc_info=pusher.exception())
