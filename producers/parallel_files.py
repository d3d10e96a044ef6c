"""Works on several files at a time, bounded; results keep their order, a failure is its file's alone.

What computes runs on the critical executor: never on the event loop, and never on a pool that others fill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from lanes import Executor, Failed, fan_out_collect

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FileResult(Generic[Result]):
    """What became of one file: a result, or the error that kept it from one."""

    path: Path
    result: Result | None = None
    error: Exception | None = None


async def process_files(
    function: Callable[[Path], Result],
    paths: Sequence[Path],
    *,
    executor: Executor,
    at_a_time: int,
    deadline: float,
) -> list[FileResult[Result]]:
    """`function` of each file, in a thread of `executor`, in the order of `paths`.

    A caller that is cancelled leaves nothing waiting: files not begun are never begun, and a thread that is
    at work ends its file for nobody.

    Args:
        at_a_time: files under way; fewer than the executor has threads leaves some to others.
        deadline: seconds for all; a file that is not done then has `DeadlineExceeded`.
    """

    async def one(path: Path) -> Result:
        return await executor.run(function, path)

    ends = await fan_out_collect(one, paths, limit=at_a_time, deadline=deadline)
    return [
        FileResult(path, error=end.error) if isinstance(end, Failed) else FileResult(path, end.result)
        for path, end in zip(paths, ends, strict=True)
    ]
