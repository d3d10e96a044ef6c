"""Runs one side effect within its deadline and says how that ended. Claims, bounds and records nothing."""

from __future__ import annotations

import asyncio
import logging

from contracts import Task
from handlers.delivery import End, HandlerBug, TargetFailed
from handlers.effect import Delivery, Effects
from stores import StoreError

_log = logging.getLogger(__name__)


async def run(effects: Effects, task: Task, delivery: Delivery) -> End:
    """Run the effect of this task's type.

    Raises:
        StoreError: it could not look up what it needs: no bug of its own and no fault of the target.
    """
    try:
        async with asyncio.timeout(delivery.deadline) as timeout:
            return await effects[task.name](task, delivery)
    except StoreError:
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and timeout.expired():
            return TargetFailed(f"not done within {delivery.deadline:g} s")
        _log.exception("task %s %s met a bug", task.name, task.identity())
        return HandlerBug(f"{type(error).__name__}: {error}")
