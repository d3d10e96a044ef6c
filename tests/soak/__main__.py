"""Runs the soaks that the command line names, one after the other; exits with 1 if one found a violation.

A soak is an async function of a seed: it returns a sentence on what it did, and raises AssertionError with
what it found. Add it to `SOAKS`.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from tests.soak import crashes, fairness, fuzz, kill, model, parks, poison, sockets

Soak = Callable[[int], Coroutine[Any, Any, str]]

SOAKS: dict[str, Soak] = {
    "kill": kill.run,
    "fuzz-grpc": fuzz.run_grpc,
    "fuzz-rest": fuzz.run_rest,
    "model": model.run,
    "parks": parks.run,
    "crashes": crashes.run,
    "poison": poison.run,
    "sockets": sockets.run,
    "fairness": fairness.run,
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(SOAKS)}; none is all.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of a run to repeat; none takes any.")] = None,
) -> None:
    """Look for violations for much longer than the suite does."""
    for name in names or SOAKS:
        if name not in SOAKS:
            raise typer.BadParameter(f"{name} is none of {', '.join(SOAKS)}")
    chosen = random.randrange(2**32) if seed is None else seed
    summary = [_soak(name, chosen) for name in names or SOAKS]
    for line, _ in summary:
        typer.echo(line)
    if not all(passed for _, passed in summary):
        raise typer.Exit(1)


def _soak(name: str, seed: int) -> tuple[str, bool]:
    """Run one. Returns its line of the summary, and whether nothing was found."""
    typer.echo(f"{name}: begins, --seed {seed}")
    began = time.monotonic()
    try:
        said, passed = asyncio.run(SOAKS[name](seed)), True
    except (
        Exception
    ) as exc:  # a soak that breaks is reported like one that found something; the rest still run
        traceback.print_exc()
        said, passed = f"{type(exc).__name__}: {exc}", False
    word = "passed" if passed else "FAILED"
    return f"{name}: {word} in {time.monotonic() - began:.0f} s, --seed {seed}: {said}", passed


if __name__ == "__main__":
    typer.run(main)
