"""Measures A and B in turn within one run, prints the rounds and judges the figures."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from rich.console import Console
from rich.table import Table

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose. `seconds` is the length of one measurement, where a benchmark has one."""

    rounds: int = 7
    seconds: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure and what it should be: at least, or at most, `target` in `unit`."""

    name: str
    value: float
    target: float
    unit: str
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two that are compared, and the unit of what it measures."""

    label: str
    measure: Measure


async def compare(
    name: str,
    ours: Side,
    theirs: Side,
    *,
    unit: str,
    target: float,
    rounds: int,
    console: Console,
    slices: int = 1,
    at_most: bool = False,
) -> Figure:
    """The median of ours / theirs over the rounds.

    A round measures both in turn, `slices` times each, and takes their means. Who goes first alternates, so
    that a drift hits both.
    """
    table = Table("round", f"{ours.label} {unit}", f"{theirs.label} {unit}", "ratio", title=name)
    ratios: list[float] = []
    for number in range(1, rounds + 1):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        measured: dict[str, list[float]] = {first.label: [], second.label: []}
        for _ in range(slices):
            for side in (first, second):
                measured[side.label].append(await side.measure())
        a, b = mean(measured[ours.label]), mean(measured[theirs.label])
        ratios.append(a / b)
        table.add_row(str(number), f"{a:,.1f}", f"{b:,.1f}", f"{a / b:.2f}")
    console.print(table)
    return Figure(name=name, value=median(ratios), target=target, unit="median ratio", at_most=at_most)


def report(figures: Sequence[Figure], console: Console) -> bool:
    """Print the figures as a table and each as one line of JSON. True if all are met."""
    table = Table("figure", "measured", "target", "")
    for figure in figures:
        bound = f"{'<=' if figure.at_most else '>='} {figure.target:g} {figure.unit}"
        table.add_row(figure.name, f"{figure.value:.3g}", bound, "met" if figure.is_met else "MISSED")
    console.print(table)
    for figure in figures:
        line = {
            "figure": figure.name,
            "value": round(figure.value, 4),
            "unit": figure.unit,
            "target": figure.target,
            "bound": "at most" if figure.at_most else "at least",
            "met": figure.is_met,
        }
        print(json.dumps(line), flush=True)
    return all(figure.is_met for figure in figures)
