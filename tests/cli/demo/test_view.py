"""What is shown fits where it is shown: a table on a terminal, plain lines in a file."""

from __future__ import annotations

import io

from rich.console import Console

from cli.demo.account import Sightings
from cli.demo.endpoints import EndpointKind
from cli.demo.receiver import Receipts
from cli.demo.survey import Findings
from cli.demo.view import PLAIN_INTERVAL, as_table, open_view

NOTHING = Receipts(requests=0, delivered=frozenset(), duplicates=0)


def findings() -> Findings:
    """The good endpoint got two of three, the dead one refused its one delivery four times."""
    return Findings(
        accepted={
            **dict.fromkeys(EndpointKind, frozenset()),
            EndpointKind.GOOD: frozenset("abc"),
            EndpointKind.DEAD: frozenset("d"),
        },
        whole=Sightings(
            accepted=frozenset("abcd"),
            waiting=frozenset("c"),
            dead=frozenset("d"),
            delivered=frozenset("ab"),
            skipped=frozenset(),
        ),
        receipts={
            **dict.fromkeys(EndpointKind, NOTHING),
            EndpointKind.GOOD: Receipts(requests=2, delivered=frozenset("ab"), duplicates=0),
            EndpointKind.DEAD: Receipts(requests=4, delivered=frozenset(), duplicates=0),
        },
        letters=(),
    )


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def rows(text: str) -> list[list[str]]:
    """The words of each line, without the lines that a table is drawn with."""
    plain = "".join(char if char.isascii() else " " for char in text)
    return [line.split() for line in plain.splitlines() if line.split()]


def test_the_table_counts_by_kind_of_endpoint_and_in_all() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(as_table(findings()))
    assert rows(out.getvalue()) == [
        ["endpoint", "accepted", "delivered", "waiting", "dead", "receipts"],
        ["good", "3", "2", "1", "0", "2"],
        ["slow", "0", "0", "0", "0", "0"],
        ["flaky", "0", "0", "0", "0", "0"],
        ["dead", "1", "0", "0", "1", "4"],
        ["gone", "0", "0", "0", "0", "0"],
        ["all", "4", "2", "1", "1", "6"],
    ]


def test_a_file_gets_plain_lines_and_numbers_only_now_and_then() -> None:
    out, clock = io.StringIO(), Clock()
    with open_view(Console(file=out, force_terminal=False), clock) as view:
        view.say("starting [everything] " + "x" * 100)
        view.show(findings())
        clock.now += PLAIN_INTERVAL
        view.show(findings())
        view.show(findings())
    assert out.getvalue().splitlines() == [
        "  0.0 s  starting [everything] " + "x" * 100,
        "  3.0 s  accepted 4, delivered 2, waiting 1, dead 1",
    ]


def test_a_terminal_gets_the_table_and_what_happens_now() -> None:
    out, clock = io.StringIO(), Clock()
    with open_view(Console(file=out, force_terminal=True, width=80), clock) as view:
        view.say("starting")
        clock.now += 2
        view.show(findings())
        view.say("killing the [handlers]")
    assert "  2.0 s  killing the [handlers]" in out.getvalue()
    assert "▶ killing the [handlers]" in out.getvalue()
    assert ["good", "3", "2", "1", "0", "2"] in rows(out.getvalue())
