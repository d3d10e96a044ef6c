"""Leases and settles messages for whoever pulls, by single calls or by stream; it keeps none in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.errors import InvalidArgumentError
from emulator.pubsub import ack_ids, answers, leases, subscriptions, times
from emulator.pubsub.ack_ids import AckId
from emulator.pubsub.changes import DEAD_LETTERS, Changes, Wakeups
from emulator.pubsub.leases import Delivery, Lease, Settled, Terms
from emulator.pubsub.resources import LONGEST_ACK_DEADLINE
from emulator.pubsub.subscriptions import Stored

PULLED_MESSAGES = 1000  # of one lease


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of acknowledgements: with exactly-once delivery, the ack ids that are taken no more."""

    is_exactly_once: bool
    invalid: Sequence[str]
    makes_room: bool

    def taken(self, texts: Sequence[str]) -> list[str]:
        invalid = set(self.invalid)
        return [text for text in texts if text not in invalid]


class Puller:
    """What pull subscriptions can be asked for, by their names. Raises ApiError."""

    def __init__(self, changes: Changes, wakeups: Wakeups, clock: Clock) -> None:
        self._changes = changes
        self._wakeups = wakeups
        self._clock = clock

    async def pull(self, name: str, limit: int, wait: float) -> Lease:
        """Lease what is due, within `wait` seconds; nothing, where nothing is due by then."""
        until = times.now(self._clock) + round(wait * 1_000_000)

        def terms(_: sqlite3.Connection, stored: Stored, __: int) -> Terms:
            return Terms(limit=limit, seconds=stored.resource.ack_deadline_seconds)

        with self._wakeups.listen(name) as woken:
            while True:
                woken.clear()
                now = times.now(self._clock)
                lease = await self.lease(name, terms)
                if lease.deliveries or now >= until:
                    return lease
                await self._wakeups.wait(woken, min(until, lease.next_due or until))

    async def lease(self, name: str, terms: Callable[[sqlite3.Connection, Stored, int], Terms]) -> Lease:
        """Lease what is due now, on what `terms` makes of the subscription and the time."""
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> Lease:
            stored = subscriptions.get(db, name)
            if stored.resource.detached:
                raise answers.detached(name)
            if stored.is_push:
                raise answers.push_only(name)
            return leases.lease(db, stored, terms(db, stored, now), now)

        return await self._changes.commit(write, concerns=_concerned)

    async def acknowledge(self, name: str, texts: Sequence[str]) -> Settlement:
        """Settle messages for good.

        Raises INVALID_ARGUMENT for an id that is none, without exactly-once delivery.
        """
        return await self._settle(name, texts, leases.acknowledge)

    async def modify_ack_deadline(self, name: str, wanted: Sequence[tuple[str, int]]) -> Settlement:
        """The same for (ack id, seconds from now) each; 0 seconds give a message back."""
        for _, seconds in wanted:
            if not 0 <= seconds <= LONGEST_ACK_DEADLINE:
                raise InvalidArgumentError(
                    f"ModifyAckDeadlineRequest.ack_deadline_seconds is {seconds}: "
                    f"give 0 (deliver again) to {LONGEST_ACK_DEADLINE} seconds."
                )
        seconds_of = dict(wanted)

        def modify(db: sqlite3.Connection, stored: Stored, ids: Sequence[AckId], now: int) -> Settled:
            ends = [(ack_id, seconds_of[str(ack_id)]) for ack_id in ids]
            return leases.modify_ack_deadline(db, stored, ends, now)

        return await self._settle(name, list(seconds_of), modify)

    async def _settle(
        self,
        name: str,
        texts: Sequence[str],
        settle: Callable[[sqlite3.Connection, Stored, Sequence[AckId], int], Settled],
    ) -> Settlement:
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> Settlement:
            stored = subscriptions.get(db, name)
            if not stored.resource.enable_exactly_once_delivery:
                end = settle(db, stored, ack_ids.parse_all(texts, stored), now)
                return Settlement(is_exactly_once=False, invalid=(), makes_room=end.makes_room)
            parsed = {text: ack_ids.parse(text, stored) for text in texts}
            malformed = [text for text, ack_id in parsed.items() if ack_id is None]
            end = settle(db, stored, [ack_id for ack_id in parsed.values() if ack_id is not None], now)
            invalid = [*malformed, *map(str, end.stale)]
            return Settlement(is_exactly_once=True, invalid=invalid, makes_room=end.makes_room)

        return await self._changes.commit(
            write, concerns=lambda end: (name, DEAD_LETTERS) if end.makes_room else ()
        )


def received_message(lease: Lease, delivery: Delivery) -> types.ReceivedMessage:
    """The attempt is told where there is a dead-letter policy, and only there."""
    is_counted = "dead_letter_policy" in lease.subscription
    return types.ReceivedMessage(
        ack_id=str(delivery.ack_id),
        message=delivery.message,
        delivery_attempt=delivery.ack_id.attempt if is_counted else 0,
    )


def _concerned(lease: Lease) -> Collection[str]:
    return (DEAD_LETTERS,) if lease.is_last_attempt else ()
