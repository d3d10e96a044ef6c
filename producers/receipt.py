"""What the request path holds in its hand once a task is accepted. A value, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An accepted task: from here on it is executed, waiting, skipped by its owner, or a dead letter."""

    task: str
    """Full Cloud Tasks name."""
    queue: str
    """Cloud Tasks queue that carries it."""
    type: str
    identity: str
    delivery_id: str
    """What the receiver sees, equal on every attempt, park and replay."""
    accepted_at: datetime
    """From when its age counts: the time of a delayed task, else when it was enqueued."""
    duplicate: bool
    """Cloud Tasks knew this task already: the event was told before, or an earlier answer to this very
    call was lost on its way."""
