"""Runs the benchmarks that the command line names, in turn; exits with 1 if a figure is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.emulator import create, embedded, idle, million, rate, through
from benchmarks.handlers import pipeline
from benchmarks.lanes import http, loop_lag
from benchmarks.producers import enqueue, route
from benchmarks.rounds import Figure, Options, report

BENCHMARKS: dict[str, Callable[[Options, Console], list[Figure] | Coroutine[Any, Any, list[Figure]]]] = {
    "create": create.run,
    "through": through.run,
    "embedded": embedded.run,
    "million": million.run,
    "idle": idle.run,
    "rate": rate.run,
    "http": http.run,
    "loop-lag": loop_lag.run,
    "pipeline": pipeline.run,
    "route": route.run,
    "enqueue": enqueue.run,
}


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHMARKS)}; none is all.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of each comparison.")] = 7,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of one measurement.")] = 3.0,
) -> None:
    """Measure the figures that the emulator and the lanes promise."""
    for name in names or BENCHMARKS:
        if name not in BENCHMARKS:
            raise typer.BadParameter(f"{name} is none of {', '.join(BENCHMARKS)}")
    console = Console()
    options = Options(rounds=rounds, seconds=seconds)
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        measured = BENCHMARKS[name](options, console)
        figures += measured if isinstance(measured, list) else asyncio.run(measured)
    if not report(figures, console):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
