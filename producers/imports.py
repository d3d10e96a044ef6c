"""Imports conversations from an uploaded zip: each becomes an event. Parses nothing on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from contracts import Conversation, ConversationCreated
from lanes import DeadlineExceeded, Executor, LaneError, fan_out
from producers.archives import Archive, ArchiveLimits, Entry
from producers.enqueue import publish_event
from producers.errors import InvalidIdentity, TaskTooLarge

LIMITS = ArchiveLimits(max_entries=10_000, max_entry_bytes=1_000_000, max_total_bytes=100_000_000)
AT_A_TIME = 16
"""Events that are published at a time."""
DEADLINE = 120.0
"""Seconds for an import; sending it again goes on where it ended, since what was told has its name."""
MAX_FAULTS = 100


class ImportFault(BaseModel):
    """Why a file of the archive was not imported."""

    model_config = ConfigDict(frozen=True)

    entry: str
    fault: str


class ImportReport(BaseModel):
    """What an import did."""

    model_config = ConfigDict(frozen=True)

    imported: int
    failed: int
    faults: Sequence[ImportFault]
    """The first hundred of those that failed."""


async def import_conversations(
    path: Path, uid: str, executor: Executor, *, limits: ArchiveLimits = LIMITS, deadline: float = DEADLINE
) -> ImportReport:
    """Tell every conversation of the archive; a file that cannot be read harms no other one.

    Memory stays at one batch. Sending the same archive again is safe: what follows from an event is named
    by it.

    Raises:
        ArchiveRefused: nothing was imported.
        DeadlineExceeded, Unreachable: some was, and the same archive may be sent again.
    """
    imported = 0
    faults: list[ImportFault] = []
    failed = 0
    archive = Archive(path, Conversation, limits)
    try:
        async with asyncio.timeout(deadline) as timer:
            await executor.run(archive.open)
            while batch := await executor.run(archive.next_batch):
                ends = await fan_out(lambda entry: _told(entry, uid), batch, limit=AT_A_TIME)
                broken = [fault for fault in ends if fault is not None]
                imported += len(ends) - len(broken)
                failed += len(broken)
                faults += broken[: MAX_FAULTS - len(faults)]
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise DeadlineExceeded(
            f"{imported} conversations were imported within {deadline:g} s; send the same again for the rest"
        ) from error
    finally:
        with suppress(LaneError):  # an executor that takes nothing more is at its end, and the file with it
            executor.submit(archive.close)
    return ImportReport(imported=imported, failed=failed, faults=faults)


async def _told(entry: Entry[Conversation], uid: str) -> ImportFault | None:
    if entry.item is None:
        return ImportFault(entry=entry.name, fault=entry.fault)
    try:
        await publish_event(ConversationCreated(uid=uid, conversation=entry.item))
    except (TaskTooLarge, InvalidIdentity) as error:
        return ImportFault(entry=entry.name, fault=str(error)[:300])
    return None
