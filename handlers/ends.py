"""How an attempt can end: what an effect, or who comes before it, says. Values; they decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contracts import Task


class Reason(StrEnum):
    """Why an outcome is what it is; the values are labels of metrics and dead letters."""

    DELIVERED = "delivered"
    TARGET_FAILED = "target-failed"
    ATTEMPTS_USED = "attempts-used"
    TOO_OLD = "too-old"
    BUG = "bug"
    BUSY = "busy"
    LEASED = "leased"
    SUSPECT = "suspect"
    NEEDS_NEWER_CODE = "needs-newer-code"
    UNDECODABLE = "undecodable"
    BLOB_MISSING = "blob-missing"
    POISON = "poison"
    OWNER_PAUSED = "owner-paused"
    ENDPOINT_DISABLED = "endpoint-disabled"
    NO_ENDPOINT = "no-endpoint"
    NOT_ENABLED = "not-enabled"
    NO_DEVICE = "no-device"
    DEVICE_GONE = "device-gone"
    REFUSED = "refused"
    WRONG_SENDER = "wrong-sender"
    GONE = "gone"
    BLOCKED_ADDRESS = "blocked-address"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Returned:
    """The side effect happened."""

    then: tuple[Task, ...] = ()
    """Side effects that follow from it: they are enqueued before the outcome is recorded."""


@dataclass(frozen=True, slots=True)
class TargetFailed:
    """The target did not take it: network, time-out, or an answer that is no 2xx."""

    detail: str
    retry_after: timedelta | None = None
    """What the target asked for."""
    connection_lost_after: timedelta | None = None
    """Where no answer came because the connection failed: how long that took."""


@dataclass(frozen=True, slots=True)
class HandlerBug:
    """Our own code failed."""

    detail: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was sent: the target's breaker, places or rate, or the way to it, let nobody go now."""

    until: datetime
    """Of an effect: not before it. Of `handlers.targets`: the slot."""
    detail: str


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Another start has the task for itself: nothing was begun, and nothing of it is recorded."""

    until: datetime


@dataclass(frozen=True, slots=True)
class NeedsNewerCode:
    """A version or type that this code does not know: producers were deployed first."""

    detail: str


@dataclass(frozen=True, slots=True)
class TargetRefused:
    """The target will never take it, or must never be asked."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The payload is not valid for its type and version, or its blob is gone."""

    detail: str
    reason: Reason = Reason.UNDECODABLE


@dataclass(frozen=True, slots=True)
class Poisonous:
    """It kills the process that runs it, or that only takes it."""

    detail: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """Starts ended with the death of their process, by its fault or by that of a task beside it."""

    starts: int
    quarantine: str
    """The queue that carries nothing else at the same time."""


@dataclass(frozen=True, slots=True)
class OwnerPaused:
    """The endpoint's owner paused it."""


@dataclass(frozen=True, slots=True)
class EndpointDisabled:
    """It failed for too long, or asked for no more: nothing is sent until somebody enables it."""


@dataclass(frozen=True, slots=True)
class TooOld:
    """The task is past the age at which it is still of use."""


@dataclass(frozen=True, slots=True)
class NotWanted:
    """Its owner wants no such side effect (any more)."""

    reason: Reason


End = (
    Returned
    | TargetFailed
    | HandlerBug
    | Busy
    | HeldElsewhere
    | NeedsNewerCode
    | TargetRefused
    | Unreadable
    | Poisonous
    | Suspect
    | OwnerPaused
    | EndpointDisabled
    | TooOld
    | NotWanted
)
