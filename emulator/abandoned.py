"""Lets a change come to its end where its caller leaves in the middle; it changes nothing itself."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from emulator.grpc_api import api_error_of

T = TypeVar("T")


async def end_of(change: asyncio.Task[T]) -> T:
    """What `change` returns or raises. If its caller is cancelled it goes on.

    Then nobody is left to be told of a refusal, and a defect is logged.
    """
    try:
        return await asyncio.shield(change)
    except asyncio.CancelledError:
        change.add_done_callback(_ended_alone)
        raise


def _ended_alone(change: asyncio.Task[T]) -> None:
    if not change.cancelled() and isinstance(error := change.exception(), Exception):
        api_error_of(error)  # which logs a defect
