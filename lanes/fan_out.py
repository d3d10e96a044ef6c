"""Runs one coroutine function over many items at a time, bounded; nothing it starts outlives the call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from lanes.errors import DeadlineExceeded

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """An item whose call returned."""

    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """An item whose call raised."""

    error: Exception


async def fan_out(
    function: Callable[[Item], Awaitable[Result]],
    items: Iterable[Item],
    *,
    limit: int,
    deadline: float | None = None,
) -> list[Result]:
    """What `function` returns for each item, in their order; at most `limit` calls run at a time.

    The first call that raises cancels the others, and its error is raised once they have ended. A cancelled
    caller cancels them all.

    Args:
        deadline: seconds for everything; without one the calls bound themselves.

    Raises:
        DeadlineExceeded, and what `function` raises.
    """
    waiting = list(items)
    results: dict[int, Result] = {}
    rest = iter(enumerate(waiting))

    async def work() -> None:
        for index, item in rest:  # shared by all: each takes the next one
            results[index] = await function(item)

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as calls:
            for _ in range(min(_checked(limit), len(waiting))):
                calls.create_task(work())
    except TimeoutError as error:
        raise _too_late(deadline, len(results), len(waiting)) from error
    except ExceptionGroup as failed:
        first = failed.exceptions[0]
        raise first from first.__cause__
    return [results[index] for index in range(len(waiting))]


async def fan_out_collect(
    function: Callable[[Item], Awaitable[Result]],
    items: Iterable[Item],
    *,
    limit: int,
    deadline: float | None = None,
) -> list[Done[Result] | Failed]:
    """How `function` ended for each item, in their order; at most `limit` calls run at a time.

    A call that raises harms no other one. What has not ended at the `deadline` (seconds) is cancelled, and
    is `Failed` with `DeadlineExceeded`. A cancelled caller cancels all calls.
    """
    waiting = list(items)
    loop = asyncio.get_running_loop()
    ends_at = None if deadline is None else loop.time() + deadline
    ended = 0

    async def attempt(item: Item) -> Done[Result] | Failed:
        nonlocal ended
        if ends_at is not None and loop.time() >= ends_at:
            return Failed(_too_late(deadline, ended, len(waiting)))
        try:
            async with asyncio.timeout_at(ends_at) as timer:
                end: Done[Result] | Failed = Done(await function(item))
        except Exception as error:  # whatever it is, it is this item's
            end = Failed(_too_late(deadline, ended, len(waiting)) if timer.expired() else error)
        ended += 1
        return end

    return await fan_out(attempt, waiting, limit=limit)


def _checked(limit: int) -> int:
    if limit < 1:
        raise ValueError(f"limit is {limit}: give the number of calls that may run at a time, 1 or more")
    return limit


def _too_late(deadline: float | None, ended: int, count: int) -> DeadlineExceeded:
    return DeadlineExceeded(f"{ended} of {count} calls had ended when their deadline of {deadline:g} s came")
