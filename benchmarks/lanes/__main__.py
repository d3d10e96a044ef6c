"""Runs the benchmarks that the command line names, in turn; exits with 1 if a figure is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.lanes import http, loop_lag
from benchmarks.rounds import Figure, Options, report

BENCHMARKS: dict[str, Callable[[Options, Console], list[Figure]]] = {
    "http": http.run,
    "loop-lag": loop_lag.run,
}


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHMARKS)}; none is all.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of each comparison.")] = 7,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of one measurement.")] = 3.0,
) -> None:
    """Measure the figures that the lanes promise."""
    for name in names or BENCHMARKS:
        if name not in BENCHMARKS:
            raise typer.BadParameter(f"{name} is none of {', '.join(BENCHMARKS)}")
    console = Console()
    options = Options(rounds=rounds, seconds=seconds)
    figures = [figure for name in names or BENCHMARKS for figure in BENCHMARKS[name](options, console)]
    if not report(figures, console):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
