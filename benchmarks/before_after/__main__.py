"""Runs the comparison, prints its tables, draws the chart; exits with 1 if ours is not what is promised.

`python -m benchmarks.before_after --chart docs/before-after.svg`
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.before_after.chart import chart, told
from benchmarks.before_after.measure import HANG, Measured, measure
from benchmarks.before_after.patterns import CONDITIONS, FAST, ORIGINALS, OURS, VERY_SLOW, Pattern
from benchmarks.rounds import Figure, report

Results = dict[Pattern, list[Measured]]


def main(
    seconds: Annotated[float, typer.Option(min=2, help="Of load in one measurement.")] = 6.0,
    pairs: Annotated[int, typer.Option(min=1, help="Of the 15 s figure, for ours; the others have one.")] = 5,
    draw: Annotated[Path | None, typer.Option("--chart", help="Where the SVG goes.")] = None,
) -> None:
    """Compare ours with the blocking originals, as everybody else sees them."""
    console = Console(width=110)
    results = asyncio.run(_all(seconds))
    console.print(_table(results))
    ours, others = asyncio.run(_very_slow(seconds, pairs))
    table = Table("pattern", "p99 of /ping with 15 s over p99 with 5 ms")
    table.add_row(OURS.name, f"{ours:.2f} (median of {pairs})")
    for pattern, (ratio, hangs) in others.items():
        table.add_row(pattern.name, f"{'at least ' if hangs else ''}{ratio:,.0f}")
    console.print(table)
    if draw is not None:
        rows = {pattern.name: [each.ping_p99 for each in found] for pattern, found in results.items()}
        title = "99th percentile of an unrelated /ping"
        draw.write_text(chart(title, [each.name for each in CONDITIONS], rows), encoding="utf-8")
        console.print(f"wrote {draw}")
    figure = Figure(
        name="before and after: /ping, 15 s over 5 ms",
        value=ours,
        target=2.0,
        unit="median ratio",
        at_most=True,
    )
    if not report([figure], console):
        raise typer.Exit(1)


async def _all(seconds: float) -> Results:
    return {
        pattern: [await measure(pattern, condition, seconds=seconds) for condition in CONDITIONS]
        for pattern in (*ORIGINALS, OURS)
    }


def _table(results: Results) -> Table:
    table = Table("pattern", "downstream", "served", "ping p50", "ping p99", "loop stalled", "threads", "MiB")
    for pattern, found in results.items():
        for condition, each in zip(CONDITIONS, found, strict=True):
            table.add_row(
                pattern.name,
                condition.name,
                f"{each.served} of {each.asked}",
                told(each.ping_p50),
                f"{'lost' if each.ping_p99 >= HANG else told(each.ping_p99)}",
                f"{each.stalled:.1f} s",
                str(each.threads),
                f"{each.resident / 2**20:.0f}",
            )
        table.add_section()
    return table


async def _very_slow(seconds: float, pairs: int) -> tuple[float, dict[Pattern, tuple[float, bool]]]:
    """The ratio for ours, and for the others with whether their pings were lost."""
    ours = []
    for _ in range(pairs):
        ratio, _ = await _ratio(OURS, seconds)
        ours.append(ratio)
    return median(ours), {pattern: await _ratio(pattern, seconds) for pattern in ORIGINALS}


async def _ratio(pattern: Pattern, seconds: float) -> tuple[float, bool]:
    fast = await measure(pattern, FAST, seconds=seconds)
    slow = await measure(pattern, VERY_SLOW, seconds=seconds)
    return slow.ping_p99 / fast.ping_p99, slow.ping_p99 >= HANG


if __name__ == "__main__":
    typer.run(main)
