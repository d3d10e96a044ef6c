"""Runs the slow-downstream test: the app must pass, and each planted blocker must be caught; else exits 1."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tests.load.downstream import Fault, running
from tests.load.drain import judge_drain
from tests.load.failing import judge_failing
from tests.load.parked import LANE, POOL, TARGET, faulty, judge_parked, unresolved
from tests.load.planted import BLOCKERS, judge_blocker, missed
from tests.load.ratio import judge_ratio
from tests.load.stage import Stage, staged
from tests.load.verdicts import Assertion, Verdicts, told
from tests.load.ways import WAYS

LOOPS = ("asyncio", "uvloop")
PARKING = (Fault.BEFORE_HEADERS, Fault.BEFORE_ACCEPT, Fault.AFTER_HEADERS, Fault.TRICKLE)
FAILING = (Fault.RESET, Fault.STORM)
GROWTH = 16 * 1024 * 1024
"""Bytes, from the first fault to after the last one."""


async def judge_app(loop: str) -> Verdicts:
    """Every fault in turn, in one process."""
    verdicts = Verdicts()
    async with staged(verdicts, loop=loop) as stage:
        before = stage.backend.resources()
        for fault in PARKING:
            verdicts.where = fault
            async with faulty(stage, TARGET, fault) as held:
                await judge_parked(held)
        await _judge_other_bounds(stage)
        for fault in FAILING:
            verdicts.where = fault
            async with running(fault) as downstream:
                await judge_failing(stage, downstream)
        verdicts.where = "slow and fast"
        await judge_ratio(stage)
        grown = stage.backend.resources().resident - before.resident
        verdicts.hold(Assertion.BOUNDED, grown <= GROWTH, f"memory grew by {grown / 2**20:.1f} MiB in all")
    verdicts.where = "SIGTERM"
    await judge_drain(verdicts, loop=loop)
    return verdicts


async def _judge_other_bounds(stage: Stage) -> None:
    stage.verdicts.where = "name not resolved"
    async with unresolved(stage, TARGET) as held:
        await judge_parked(held)
    for bound, where in ((LANE, "lane full"), (POOL, "executor full")):
        stage.verdicts.where = where
        async with faulty(stage, bound, Fault.BEFORE_HEADERS) as held:
            await judge_parked(held)


async def judge_blockers(ways: list[str], loop: str) -> dict[str, Verdicts]:
    """All at once: they wait most of the time."""
    verdicts = await asyncio.gather(*(judge_blocker(way, loop=loop) for way in ways))
    return dict(zip(ways, verdicts, strict=True))


def main(
    loop: Annotated[str | None, typer.Option(help=f"Of {', '.join(LOOPS)}; none is both.")] = None,
    way: Annotated[
        str | None,
        typer.Option(help=f"Test the app that calls so alone, of {', '.join(WAYS)}: all but lane fail."),
    ] = None,
) -> None:
    """Let what a server calls be slow or broken, and see that it stays responsive."""
    console = Console(width=140)
    for value, known in ((loop, LOOPS), (way, WAYS)):
        if value is not None and value not in known:
            raise typer.BadParameter(f"{value} is none of {', '.join(known)}")
    loops = LOOPS if loop is None else (loop,)
    passed = True
    for each in loops:
        judging = judge_blocker(way, loop=each) if way is not None and way in BLOCKERS else judge_app(each)
        passed &= _passes(each, judging, console)
    if way is None:
        passed &= _report(asyncio.run(judge_blockers(list(BLOCKERS), loops[-1])), console)
    if not passed:
        raise typer.Exit(1)


def _passes(loop: str, judging: Coroutine[Any, Any, Verdicts], console: Console) -> bool:
    """Run it, and print what did not hold."""
    began = time.monotonic()
    verdicts = asyncio.run(judging)
    for assertion, what in verdicts.found:
        console.print(f"FAILED ({assertion}) on {loop}: {what}", highlight=False)
    held = verdicts.checked - len(verdicts.found)
    seconds = time.monotonic() - began
    console.print(f"{loop}: {held} of {verdicts.checked} checks held, {seconds:.0f} s", highlight=False)
    return not verdicts.found


def _report(planted: Mapping[str, Verdicts], console: Console) -> bool:
    """Print which assertion caught which blocker. True if each was caught by what should catch it."""
    columns = [assertion for assertion in Assertion if assertion is not Assertion.DRAIN]
    table = Table("planted", *columns, "first of what was found", "its requests ended so", title="caught by")
    for way, verdicts in planted.items():
        first = verdicts.found[0][1].removeprefix(f"{way}: ") if verdicts.found else "nothing"
        table.add_row(
            way, *("×" if column in verdicts.failed else "" for column in columns), first, told(verdicts.said)
        )
    console.print(table)
    lacks = {way: missed(way, verdicts) for way, verdicts in planted.items()}
    for way, what in lacks.items():
        if what:
            console.print(f"FAILED: the planted blocker {way} was not caught as it should be: {what}")
    return not any(lacks.values())


if __name__ == "__main__":
    typer.run(main)
