"""A change whose caller left comes to its end, and what becomes of it then."""

from __future__ import annotations

import asyncio
import gc
import logging

import grpc
import pytest

from emulator.abandoned import end_of
from emulator.errors import ApiError


async def leave(error: Exception) -> None:
    """Leave a change, which fails after that, and forget it."""
    may_end = asyncio.Event()

    async def fail() -> None:
        await may_end.wait()
        raise error

    change = asyncio.create_task(fail())
    call = asyncio.create_task(end_of(change))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    may_end.set()
    await asyncio.wait({change})
    await asyncio.sleep(0)  # for what follows its end
    del change, call, fail
    gc.collect()


async def test_a_refusal_that_nobody_waits_for_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    await leave(ApiError(grpc.StatusCode.NOT_FOUND, "gone"))
    assert caplog.messages == []


async def test_a_defect_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await leave(KeyError("a defect"))
    assert caplog.messages == ["a call failed by a defect of the emulator"]


async def test_who_stays_is_told() -> None:
    async def fail() -> None:
        raise ApiError(grpc.StatusCode.NOT_FOUND, "gone")

    with pytest.raises(ApiError, match="gone"):
        await end_of(asyncio.create_task(fail()))
