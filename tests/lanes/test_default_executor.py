"""The loop's default executor, closed: whoever reaches for it is told which executors there are."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from lanes import DefaultExecutorRefused, refuse_default_executor

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop_kind", LOOPS)
def test_blocking_work_is_refused_by_name(loop_kind: str) -> None:
    def blocking() -> None:
        raise AssertionError("it must not run")

    async def reach_for_it() -> None:
        refuse_default_executor(asyncio.get_running_loop())
        with pytest.raises(DefaultExecutorRefused, match=r"blocking.*`critical` or `storage`"):
            await asyncio.to_thread(blocking)
        with pytest.raises(DefaultExecutorRefused):
            await asyncio.get_running_loop().run_in_executor(None, blocking)

    with asyncio.Runner(loop_factory=LOOPS[loop_kind]) as runner:
        runner.run(reach_for_it())
