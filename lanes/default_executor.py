"""Closes the event loop's default executor, so that blocking work chooses one of ours; it runs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn

from lanes.errors import DefaultExecutorRefused


class _Refusing(ThreadPoolExecutor):
    """The loop takes no other kind; this one starts no thread."""

    def submit(self, fn: Callable[..., Any], /, *_: Any, **__: Any) -> NoReturn:
        if isinstance(fn, partial) and fn.args:  # asyncio.to_thread: partial(context.run, function)
            fn = fn.args[0]
        raise DefaultExecutorRefused(getattr(fn, "__qualname__", repr(fn)))


def refuse_default_executor(loop: asyncio.AbstractEventLoop) -> None:
    """From now on `asyncio.to_thread` and `run_in_executor(None, …)` raise `DefaultExecutorRefused`."""
    loop.set_default_executor(_Refusing(max_workers=1))
