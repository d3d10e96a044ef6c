"""What a request is answered, and what became of its task. A value alone."""

from __future__ import annotations

from dataclasses import dataclass

from stores import Outcome


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    word: str
    """What happened, for the log of the queue."""
    outcome: Outcome | None = None
    """That of the task's position, where it was recorded or is to be followed."""
