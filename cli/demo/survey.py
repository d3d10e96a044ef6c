"""Looks wherever an accepted delivery can be: queues, dead letters, receiver, ledger. Only reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from cli.demo.account import Account, Sightings, take
from cli.demo.endpoints import EndpointKind
from cli.demo.receiver import Receipts
from cli.demo.stream import Accepted
from contracts import delivery_id
from stores import DeadLetters, Filter, Kept, Ledger, OutcomeKind

PAGE = 500


class Waiting(Protocol):
    """`WaitingTasks`, or what a test has instead."""

    async def delivery_ids(self) -> frozenset[str]: ...


class Received(Protocol):
    """`Receiver`, or what a test has instead."""

    def receipts(self, kind: EndpointKind) -> Receipts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one look around found."""

    accepted: Mapping[EndpointKind, frozenset[str]]
    whole: Sightings
    receipts: Mapping[EndpointKind, Receipts]
    letters: tuple[Kept, ...]

    def account(self) -> Account:
        """Of all endpoints together."""
        return take(self.whole, duplicates=sum(own.duplicates for own in self.receipts.values()))

    def account_of(self, kind: EndpointKind) -> Account:
        """Of the endpoint of this kind."""
        own = replace(self.whole, accepted=self.accepted[kind])
        return take(own, duplicates=self.receipts[kind].duplicates)


class Survey:
    """Remembers what was accepted, and finds out where it is now."""

    def __init__(
        self,
        *,
        waiting: Waiting,
        letters: DeadLetters,
        ledger: Ledger,
        receiver: Received,
        page: int = PAGE,
    ) -> None:
        """Dead letters are read `page` at a time."""
        self._waiting = waiting
        self._letters = letters
        self._ledger = ledger
        self._receiver = receiver
        self._page = page
        self._accepted: dict[EndpointKind, dict[str, Accepted]] = {kind: {} for kind in EndpointKind}

    def note(self, kind: EndpointKind, accepted: Accepted) -> None:
        """From now on this delivery must be somewhere."""
        self._accepted[kind][accepted.delivery_id] = accepted

    async def look(self) -> Findings:
        """Look at the places in the order in which a delivery passes them, so that none is missed on its way.

        Raises:
            UnexpectedAnswer: the emulator does not list its tasks.
            StoreUnavailable: the dead letters or the ledger cannot be read.
        """
        accepted = {kind: frozenset(own) for kind, own in self._accepted.items()}
        known = {each: receipt for own in self._accepted.values() for each, receipt in own.items()}
        waiting = await self._waiting.delivery_ids()
        letters = await self._kept()
        receipts = {kind: self._receiver.receipts(kind) for kind in EndpointKind}
        found = Sightings(
            accepted=frozenset(known),
            waiting=waiting,
            dead=frozenset(delivery_id(kept.letter.type, kept.letter.identity) for kept in letters),
            delivered=frozenset().union(*(own.delivered for own in receipts.values())),
            skipped=frozenset(),
        )
        skipped = await self._skipped(known[missing] for missing in found.unaccounted)
        return Findings(
            accepted=accepted, whole=replace(found, skipped=skipped), receipts=receipts, letters=letters
        )

    async def _kept(self) -> tuple[Kept, ...]:
        letters: list[Kept] = []
        after: str | None = None
        while page := await self._letters.find(Filter(), limit=self._page, after=after):
            letters += page
            after = page[-1].letter.id
        return tuple(letters)

    async def _skipped(self, receipts: Iterable[Accepted]) -> frozenset[str]:
        skipped = set()
        for receipt in receipts:
            row = await self._ledger.latest(receipt.type, receipt.identity)
            if row and row.outcome and row.outcome.kind is OutcomeKind.SKIPPED:
                skipped.add(receipt.delivery_id)
        return frozenset(skipped)
