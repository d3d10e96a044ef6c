"""Names the states of a delivery that is kept on disk; it moves none from one to the other."""

from __future__ import annotations

from enum import IntEnum


class DeliveryState(IntEnum):
    """What becomes of a delivery at its `due_at`."""

    READY = 0
    """It is leased to whoever asks."""

    BLOCKED = 1
    """Nothing, since an earlier message of its ordering key is not acknowledged."""

    EXHAUSTED = 2
    """It is forwarded to the dead-letter topic: its last attempt is under way until then."""

    ACKNOWLEDGED = 3
    """Nothing; it is kept, as its subscription asks for it, so that a seek can bring it back."""
