"""Runs a blocking call of opening or closing, when no executor is open, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises. Not for requests: nothing bounds how many threads there are.

    A cancelled caller leaves the thread to end by itself; it is a daemon.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return  # its caller has left
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            result = context.run(function, *args, **kwargs)
        except BaseException as raised:  # it belongs to the caller, whatever it is
            _tell(loop, settle, None, raised)
        else:
            _tell(loop, settle, result, None)

    name = f"once-{getattr(function, '__name__', 'call')}"
    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[..., None], *end: object) -> None:
    try:
        loop.call_soon_threadsafe(settle, *end)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return
