"""Shows how the demo goes: a live table on a terminal, plain lines elsewhere. It counts nothing itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.demo.account import Account
from cli.demo.endpoints import EndpointKind
from cli.demo.survey import Findings

PLAIN_INTERVAL = 3.0
"""Seconds between two plain lines of numbers."""
REFRESHES_PER_SECOND = 8

Clock = Callable[[], float]
"""Seconds from any fixed moment."""


class View(Protocol):
    """What the run tells while it goes on."""

    def say(self, happening: str) -> None:
        """What happens now."""

    def show(self, findings: Findings) -> None:
        """The newest numbers."""


@contextmanager
def open_view(console: Console, clock: Clock = time.monotonic) -> Iterator[View]:
    """A view that suits the console, until the end of the block."""
    if not console.is_terminal:
        yield PlainView(console, clock)
        return
    with Live(console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True) as live:
        yield LiveView(live, clock)


class LiveView:
    """One table that is drawn anew, with a line below of what happens now; past lines stand above it."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._begun = clock()
        self._happening = ""
        self._table: Table | None = None

    def say(self, happening: str) -> None:
        self._live.console.print(
            f"{self._clock() - self._begun:5.1f} s  {happening}", highlight=False, markup=False
        )
        self._happening = happening
        self._draw()

    def show(self, findings: Findings) -> None:
        self._table = as_table(findings)
        self._draw()

    def _draw(self) -> None:
        now = Text(f"▶ {self._happening}", style="bold")
        self._live.update(Group(self._table, now) if self._table else now)


class PlainView:
    """A line for what happens, and now and then a line of numbers."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._begun = self._shown = clock()

    def say(self, happening: str) -> None:
        self._print(happening)

    def show(self, findings: Findings) -> None:
        if self._clock() - self._shown < PLAIN_INTERVAL:
            return
        self._shown = self._clock()
        account = findings.account()
        self._print(
            f"accepted {account.accepted}, delivered {account.delivered}, waiting {account.waiting}, "
            f"dead {account.dead}"
        )

    def _print(self, text: str) -> None:
        # A line stays one line, whatever the width of what is no terminal.
        self._console.print(
            f"{self._clock() - self._begun:5.1f} s  {text}", highlight=False, markup=False, soft_wrap=True
        )


def as_table(findings: Findings) -> Table:
    """The numbers by kind of endpoint, and their sum."""
    table = Table("endpoint", show_footer=True)
    whole = findings.account()
    requests = sum(receipts.requests for receipts in findings.receipts.values())
    table.columns[0].footer = "all"
    for heading, total in (*_numbers(whole), ("receipts", requests)):
        table.add_column(heading, footer=str(total), justify="right")
    for kind in EndpointKind:
        numbers = [str(number) for _, number in _numbers(findings.account_of(kind))]
        table.add_row(str(kind), *numbers, str(findings.receipts[kind].requests))
    return table


def _numbers(account: Account) -> tuple[tuple[str, int], ...]:
    return (
        ("accepted", account.accepted),
        ("delivered", account.delivered),
        ("waiting", account.waiting),
        ("dead", account.dead),
    )
