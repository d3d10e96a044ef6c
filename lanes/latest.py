"""Sends the newest item of each stream and drops the older ones that still wait; it never interrupts a send.

For items that are worth nothing once a newer one exists. All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from lanes.errors import LaneClosed, StreamsFull, Superseded

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestStatistics:
    sending: int
    """Streams with an item under way: one each."""
    waiting: int
    max_streams: int
    sent: int
    """Items since the start, as are the following."""
    failed: int
    superseded: int
    """Dropped for a newer one."""
    cancelled: int
    """Taken back by their submitters, or cut off by the close."""
    refused: int
    """Too many streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestLeft:
    """What a close left undone."""

    waiting: int
    """Items that were never sent."""
    sending: int
    """Sends that were cancelled; they may have had their effect."""


class _Item:
    """One submission: waits for its turn, or learns that it has none."""

    __slots__ = ("cut_off", "refusal", "task", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.turn: asyncio.Future[None] = loop.create_future()
        self.refusal: Superseded | LaneClosed | None = None
        """Why the turn that came is none."""
        self.cut_off: LaneClosed | None = None
        """Why its send was cancelled, if not by its submitter."""
        self.task: asyncio.Task[object]

    def go(self) -> None:
        if not self.turn.done():  # cancelled a moment ago: its task ends by itself
            self.turn.set_result(None)


@dataclass(slots=True)
class _Stream:
    sending: _Item
    waiting: _Item | None = None


class LatestWins:
    """One send at a time for each (target, stream); of the items that come meanwhile, the newest waits.

    Holds at most `max_streams` with an item under way, and so twice as many items; an item of one more is
    refused. Each send bounds itself in time, as a lane's request does by its deadline.
    """

    def __init__(self, *, max_streams: int = 4_096) -> None:
        self._max_streams = max_streams
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._sent = 0
        self._failed = 0
        self._superseded = 0
        self._cancelled = 0
        self._refused = 0

    def submit(self, target: str, stream: str, send: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Send at once, or as soon as the stream's send under way has ended.

        The task's result is that of `send`, and so are its errors; who does not care need not await it:
        all ends are counted. To cancel it takes the item back, or cancels its send.

        Args:
            send: makes the request; called only when it is the item's turn, in the submitter's context.

        Raises:
            StreamsFull: too many streams have an item under way.
            LaneClosed: after `aclose`, or on another event loop.

        Awaiting the task raises:
            Superseded: a newer item took its place before it was sent.
            LaneClosed: the close found it waiting or cancelled its send.
        """
        loop = self._open_loop()
        key = (target, stream)
        item = _Item(loop)
        self._line_up(key, item)
        task = loop.create_task(_run(item, send))
        item.task = task
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._ended(key, item))
        return task

    async def aclose(self, *, grace: float = 0.0) -> LatestLeft:
        """Take nothing more, let go on what there is for `grace` seconds, then drop and cancel the rest.

        Returns when no send is under way, with what was left undone; a send that resists being cancelled is
        waited for.
        """
        self._closed = True
        await asyncio.sleep(0)  # what was submitted a moment ago must begin, to learn of its end
        try:
            if self._tasks and grace > 0:
                await asyncio.wait(self._tasks, timeout=grace)
        finally:
            left = self._cut_off()
        if self._tasks:
            await asyncio.wait(self._tasks)
        return left

    def statistics(self) -> LatestStatistics:
        return LatestStatistics(
            sending=len(self._streams),
            waiting=sum(stream.waiting is not None for stream in self._streams.values()),
            max_streams=self._max_streams,
            sent=self._sent,
            failed=self._failed,
            superseded=self._superseded,
            cancelled=self._cancelled,
            refused=self._refused,
        )

    def _open_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._closed or self._loop is not loop:
            raise LaneClosed("latest-wins is closed or in use on another event loop: make one for each loop")
        return loop

    def _line_up(self, key: tuple[str, str], item: _Item) -> None:
        stream = self._streams.get(key)
        if stream is None:
            if len(self._streams) >= self._max_streams:
                self._refused += 1
                raise StreamsFull(*key, self._max_streams)
            self._streams[key] = _Stream(item)
            item.go()
            return
        older, stream.waiting = stream.waiting, item
        if older is not None and not older.turn.done():
            older.refusal = Superseded(*key)
            older.go()

    def _ended(self, key: tuple[str, str], item: _Item) -> None:
        self._tasks.discard(item.task)
        self._count(item)
        stream = self._streams.get(key)
        if stream is None:
            return
        if stream.waiting is item:
            stream.waiting = None
        elif stream.sending is item and stream.waiting is not None:
            stream.sending, stream.waiting = stream.waiting, None
            stream.sending.go()
        elif stream.sending is item:
            del self._streams[key]

    def _count(self, item: _Item) -> None:
        if item.task.cancelled():
            self._cancelled += 1
        elif (error := item.task.exception()) is None:
            self._sent += 1
        elif error is item.cut_off or (error is item.refusal and isinstance(error, LaneClosed)):
            self._cancelled += 1
        elif error is item.refusal:
            self._superseded += 1
        else:
            self._failed += 1

    def _cut_off(self) -> LatestLeft:
        waiting = 0
        for stream in self._streams.values():
            if stream.waiting is not None:
                waiting += 1
                stream.waiting.refusal = LaneClosed("closed before this item was sent")
                stream.waiting.go()
                stream.waiting = None
            stream.sending.cut_off = LaneClosed("closed while this item was being sent")
            stream.sending.task.cancel()
        return LatestLeft(waiting=waiting, sending=len(self._streams))


async def _run(item: _Item, send: Callable[[], Awaitable[Result]]) -> Result:
    try:
        await item.turn
        if item.refusal is not None:
            raise item.refusal
        return await send()
    except asyncio.CancelledError:
        if item.cut_off is not None and item.task.cancelling() == 1:  # the submitter did not cancel it too
            raise item.cut_off from None
        raise
