"""What a router calls: enqueue and publish through the producer that the lifespan opened. Opens nothing.

The producer of the running event loop is looked up here, the one registry of the project: a router then
needs no reference to it, and a producer is never used from a loop that is not its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from contracts import Event, Task
from producers.errors import AlreadyOpen, NotOpen
from producers.receipt import Receipt

if TYPE_CHECKING:
    from producers.producer import Producer

_open: WeakKeyDictionary[asyncio.AbstractEventLoop, Producer] = WeakKeyDictionary()


async def enqueue(task: Task, *, schedule_at: datetime | None = None) -> Receipt:
    """`Producer.enqueue` of the producer open on this loop; raises `NotOpen` where there is none."""
    return await _current().enqueue(task, schedule_at=schedule_at)


async def enqueue_many(tasks: Iterable[Task]) -> tuple[Receipt, ...]:
    """`Producer.enqueue_many` of the producer open on this loop; raises `NotOpen` where there is none."""
    return await _current().enqueue_many(tasks)


async def cancel(accepted: Receipt | Task) -> bool:
    """`Producer.cancel` of the producer open on this loop; raises `NotOpen` where there is none."""
    return await _current().cancel(accepted)


async def publish(topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
    """`Producer.publish` of the producer open on this loop; raises `NotOpen` where there is none."""
    return await _current().publish(topic, data, attributes)


async def publish_event(event: Event) -> str:
    """`Producer.publish_event` of the producer open on this loop; raises `NotOpen` where there is none."""
    return await _current().publish_event(event)


def bind(loop: asyncio.AbstractEventLoop, producer: Producer) -> None:
    """Make this the producer of the loop; raises `AlreadyOpen`."""
    if _open.setdefault(loop, producer) is not producer:
        raise AlreadyOpen


def unbind(loop: asyncio.AbstractEventLoop) -> None:
    """Leave the loop without a producer."""
    _open.pop(loop, None)


def _current() -> Producer:
    try:
        return _open[asyncio.get_running_loop()]
    except KeyError:
        raise NotOpen from None
