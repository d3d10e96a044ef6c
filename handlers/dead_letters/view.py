"""What an operator is shown of a dead letter: values that JSON knows. Reads the ledger, changes nothing."""

from __future__ import annotations

from typing import Any

from contracts import Envelope, Undecodable
from handlers.dead_letters.remedies import remedy
from stores import Kept, Key, Ledger


def summary(kept: Kept) -> dict[str, Any]:
    """A letter without its task."""
    return {
        **kept.letter.model_dump(mode="json", exclude={"body"}),
        "replayed_at": kept.replayed_at.isoformat() if kept.replayed_at else None,
        "replayed_as": kept.replayed_as,
        "discarded_at": kept.discarded_at.isoformat() if kept.discarded_at else None,
        "discard_reason": kept.discard_reason or None,
        "remedy": remedy(kept.letter.reason),
    }


async def story(kept: Kept, ledger: Ledger) -> dict[str, Any]:
    """A letter with its task and, where the ledger still has them, its attempts.

    Raises:
        StoreUnavailable: the ledger is away.
    """
    shown = summary(kept)
    try:
        envelope = Envelope.decode(kept.letter.body)
    except Undecodable:
        return shown | {"body": kept.letter.body.decode(errors="backslashreplace")}
    row = await ledger.read(Key.of(envelope))
    return shown | {
        "envelope": envelope.model_dump(mode="json", exclude={"payload"}),
        "delivery_id": envelope.delivery_id,
        "payload": envelope.payload.decode(errors="backslashreplace"),
        "attempts": [ended.model_dump(mode="json", exclude_none=True) for ended in row.history]
        if row
        else [],
    }
