"""Does what a recorded outcome asks for: enqueue the next attempt, or publish the dead letter.

Doing it twice is harmless: a task is named by its position and a dead letter by its task, so that
the second one finds the first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from contracts import DeadLetter, Envelope, Queue, Task
from handlers.delivery import Reason
from producers import PartlyEnqueued, Receipt, Unreachable
from stores import Key, Ledger, Outcome, OutcomeKind, StoreError

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """The part of a producer that follow-ups use."""

    async def forward(
        self, envelope: Envelope, cloud_queue: str, *, schedule_at: datetime | None = None
    ) -> Receipt: ...

    async def enqueue_many(self, tasks: Iterable[Task]) -> tuple[Receipt, ...]: ...

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str: ...


class FollowUp:
    def __init__(self, outbox: Outbox, ledger: Ledger) -> None:
        self._outbox = outbox
        self._ledger = ledger

    async def __call__(
        self, envelope: Envelope, outcome: Outcome, *, queue: Queue, target: str, owner: str
    ) -> bool:
        """Return once the service has confirmed: whether it was new to it, as far as it says. Raises
        `ProducerError`."""
        match outcome.kind:
            case OutcomeKind.RETRY | OutcomeKind.PARK:
                if outcome.next is None:
                    raise AssertionError(f"{outcome.kind} without a next position")
                onward = envelope.at(outcome.next)
                cloud_queue = outcome.queue or queue.retry_queue
                receipt = await self._outbox.forward(onward, cloud_queue, schedule_at=outcome.due)
                return not receipt.duplicate
            case OutcomeKind.DEAD:
                letter = DeadLetter.of(
                    envelope,
                    queue=queue.name,
                    target=target,
                    owner=owner,
                    reason=outcome.reason,
                    detail=outcome.detail,
                    died_at=outcome.decided_at,
                )
                await self._outbox.publish(queue.dead_letter_topic, *letter.to_message())
                await self._confirm(envelope)
                return True
            case OutcomeKind.DONE | OutcomeKind.SKIPPED:
                return False

    async def _confirm(self, envelope: Envelope) -> None:
        try:
            await self._ledger.confirm(Key.of(envelope), envelope.position)
        except StoreError as error:
            _log.warning("the letter of %s %s may come twice: %s", envelope.type, envelope.identity, error)

    async def derive(self, tasks: tuple[Task, ...]) -> None:
        """Enqueue what follows from a side effect that happened; one that no queue would ever take is lost.

        Raises:
            Unreachable: some are not accepted yet; doing it again is safe.
        """
        try:
            await self._outbox.enqueue_many(tasks)
        except PartlyEnqueued as error:
            for failure in error.failures.values():
                if isinstance(failure, Unreachable):
                    raise failure from error
            for place, failure in error.failures.items():
                _log.error("a %s that follows cannot be enqueued: %s", tasks[place].name, failure)

    async def bury_bytes(
        self, body: bytes, *, type_name: str, task_name: str, queue: Queue, detail: str, died_at: datetime
    ) -> None:
        """Publish the dead letter of a body that is no envelope. Raises `ProducerError`."""
        letter = DeadLetter.of_bytes(
            body,
            type_name=type_name,
            task_name=task_name,
            queue=queue.name,
            reason=Reason.UNDECODABLE,
            detail=detail,
            died_at=died_at,
        )
        await self._outbox.publish(queue.dead_letter_topic, *letter.to_message())
