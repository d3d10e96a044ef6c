"""The account counts each accepted delivery once, and sees a lost one."""

from __future__ import annotations

import pytest

from cli.demo.account import Account, Sightings, faults, take


def sightings(**places: str) -> Sightings:
    """One letter a delivery id."""
    names = ("accepted", "waiting", "dead", "delivered", "skipped")
    return Sightings(**{name: frozenset(places.get(name, "")) for name in names})


def account(**numbers: int) -> Account:
    names = ("accepted", "delivered", "waiting", "dead", "skipped", "lost", "duplicates")
    return Account(**{name: numbers.get(name, 0) for name in names})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sightings(), account()),
        (sightings(accepted="abc", delivered="abc"), account(accepted=3, delivered=3)),
        (
            sightings(accepted="abcd", delivered="a", waiting="b", dead="c", skipped="d"),
            account(accepted=4, delivered=1, waiting=1, dead=1, skipped=1),
        ),
        # b was accepted and is nowhere.
        (
            sightings(accepted="abc", delivered="a", dead="c"),
            account(accepted=3, delivered=1, dead=1, lost=1),
        ),
        # As many receipts as accepted, but one of them of something else: a is lost all the same.
        (sightings(accepted="ab", delivered="bx"), account(accepted=2, delivered=1, lost=1)),
        # The receiver has it, its handler died before it could say so: it may be repeated.
        (sightings(accepted="a", delivered="a", waiting="a"), account(accepted=1, waiting=1)),
        # Delivered and dead: somebody has to look after the dead letter.
        (sightings(accepted="a", delivered="a", dead="a"), account(accepted=1, dead=1)),
    ],
)
def test_every_delivery_is_counted_once(found: Sightings, expected: Account) -> None:
    taken = take(found, duplicates=0)
    assert taken == expected
    assert taken.accepted == taken.delivered + taken.waiting + taken.dead + taken.skipped + taken.lost


@pytest.mark.parametrize(
    ("found", "settled"),
    [
        (sightings(accepted="abc", delivered="a", dead="b", skipped="c"), True),
        (sightings(accepted="ab", delivered="ab", waiting="b"), False),
        (sightings(accepted="ab", delivered="a"), False),
        (sightings(accepted="a", delivered="a", waiting="x"), True),
    ],
)
def test_settled_means_that_nothing_accepted_is_on_its_way(found: Sightings, settled: bool) -> None:
    assert found.settled is settled


def test_the_line_is_the_one_that_machines_expect() -> None:
    taken = account(accepted=9, delivered=4, waiting=1, dead=3, skipped=0, lost=1, duplicates=2)
    assert taken.line() == "account accepted=9 delivered=4 waiting=1 dead=3 duplicates=2 lost=1"


GOOD = account(accepted=3, delivered=2, dead=1, duplicates=5)


@pytest.mark.parametrize(
    ("taken", "without_reason", "not_redelivered", "expected"),
    [
        (GOOD, 0, 0, []),
        (account(accepted=3, delivered=1, dead=1, lost=1), 0, 0, ["1 accepted deliveries are lost"]),
        (account(accepted=3, delivered=1, dead=1, waiting=1), 0, 0, ["1 deliveries still wait"]),
        (account(accepted=1, dead=1), 0, 0, ["nothing was delivered"]),
        (
            account(accepted=1, delivered=1),
            0,
            0,
            ["nothing ended as a dead letter, although an endpoint was dead"],
        ),
        (GOOD, 1, 0, ["1 dead letters give no reason"]),
        (GOOD, 0, 1, ["1 replayed dead letters were not delivered"]),
    ],
)
def test_what_the_demo_must_not_show(
    taken: Account, without_reason: int, not_redelivered: int, expected: list[str]
) -> None:
    assert list(faults(taken, without_reason=without_reason, not_redelivered=not_redelivered)) == expected
