"""What became of every accepted delivery: from sets of delivery ids to an account and a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """Where delivery ids were found, each place looked at on its own. One id may be in several places."""

    accepted: frozenset[str]
    """The backend answered 202."""
    waiting: frozenset[str]
    """A task of a queue."""
    dead: frozenset[str]
    """A dead letter."""
    delivered: frozenset[str]
    """The receiver answered 2xx."""
    skipped: frozenset[str]
    """The ledger says so."""

    @property
    def unaccounted(self) -> frozenset[str]:
        """Accepted, and found nowhere."""
        return self.accepted - self.waiting - self.dead - self.delivered - self.skipped

    @property
    def settled(self) -> bool:
        """Nothing is on its way any more."""
        return not (self.accepted & self.waiting) and not self.unaccounted


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How many accepted deliveries are where: accepted is the sum of the next four and `lost`."""

    accepted: int
    delivered: int
    waiting: int
    dead: int
    skipped: int
    lost: int
    duplicates: int
    """Successful receipts beyond the first of one delivery id; they are no deliveries of their own."""

    def line(self) -> str:
        """The account as one line for machines."""
        return (
            f"account accepted={self.accepted} delivered={self.delivered} waiting={self.waiting} "
            f"dead={self.dead} duplicates={self.duplicates} lost={self.lost}"
        )


def take(found: Sightings, *, duplicates: int) -> Account:
    """Count each accepted delivery once, under the first of: waiting, dead, delivered, skipped, lost.

    What waits may yet be repeated, and what is in the dead-letter store needs looking after, even where the
    receiver has seen it.
    """
    waiting = found.accepted & found.waiting
    dead = found.accepted & found.dead - waiting
    delivered = found.accepted & found.delivered - waiting - dead
    skipped = found.accepted & found.skipped - waiting - dead - delivered
    return Account(
        accepted=len(found.accepted),
        delivered=len(delivered),
        waiting=len(waiting),
        dead=len(dead),
        skipped=len(skipped),
        lost=len(found.unaccounted),
        duplicates=duplicates,
    )


def faults(account: Account, *, without_reason: int, not_redelivered: int) -> Iterator[str]:
    """What the demo must not show, in words; none where it went well.

    `without_reason` counts dead letters that do not say why, `not_redelivered` those that were replayed to a
    repaired endpoint and did not arrive.
    """
    if account.lost:
        yield f"{account.lost} accepted deliveries are lost"
    if account.waiting:
        yield f"{account.waiting} deliveries still wait"
    if not account.delivered:
        yield "nothing was delivered"
    if not account.dead:
        yield "nothing ended as a dead letter, although an endpoint was dead"
    if without_reason:
        yield f"{without_reason} dead letters give no reason"
    if not_redelivered:
        yield f"{not_redelivered} replayed dead letters were not delivered"
