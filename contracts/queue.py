"""What one queue does: the typed settings of a queue, and the ranges they must keep. Pure values."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

RETRY_SUFFIX = "-retry"
CLAIM_BUDGET = timedelta(seconds=5)
"""How long a handler may take until a side effect begins: who calls, the claim, the target's room."""
SETTLE_BUDGET = timedelta(seconds=10)
"""How long it may take from there on: to tell of the target, record an outcome and do its follow-up."""
BLOB_MARGIN = timedelta(days=7)
"""How long Pub/Sub may take to hand a dead letter over: as long as it keeps messages by default."""
MAX_AGE = timedelta(days=25)
"""Cloud Tasks deletes every task at 31 days; this leaves the time to bury it ourselves."""

_DURATION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?s\Z")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and _DURATION.match(value):
        return timedelta(seconds=float(value[:-1]))
    raise ValueError('must be a duration in seconds such as "90s" or "0.5s"')


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?s$"}),
]
"""Written as the Google APIs write it: seconds with an "s"."""


class Settings(BaseModel):
    """Base of every block of settings: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RateLimits(Settings):
    """How fast Cloud Tasks dispatches a queue (its documented limits bound the values)."""

    max_dispatches_per_second: float = Field(strict=True, gt=0, le=500)
    max_concurrent_dispatches: int = Field(strict=True, ge=1, le=5000)


class QueueRetry(Settings):
    """The queue's own retry, for our faults alone: a crash, a ledger that is away."""

    max_attempts: Literal[-1]
    """Cloud Tasks deletes a task that has used up its attempts, so the queue never gives up."""
    min_backoff: Duration = Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))
    max_backoff: Duration = Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))
    max_doublings: int = Field(strict=True, ge=1, le=16)

    @model_validator(mode="after")
    def _ordered(self) -> QueueRetry:
        if self.min_backoff > self.max_backoff:
            raise ValueError("min_backoff must be at most max_backoff")
        return self


class DeliveryPolicy(Settings):
    """When a side effect is tried, tried again and given up."""

    max_attempts: int = Field(strict=True, ge=1, le=100)
    """Attempts that the target may fail, the first included."""
    schedule: tuple[Annotated[Duration, Field(ge=timedelta(0), le=MAX_AGE)], ...] = Field(
        min_length=1, max_length=100
    )
    """Waits between attempts; the last one repeats."""
    jitter: float = Field(strict=True, ge=0, lt=1)
    """Share of a wait by which it is randomly shortened or lengthened."""
    bug_attempts: int = Field(strict=True, ge=1, le=100)
    """Attempts that a bug of ours may fail, counted apart from the target's."""
    max_starts: int = Field(strict=True, ge=2, le=100)
    """Starts that may end without a trace (the process died) before the task counts as poison."""
    max_dispatches: int = Field(default=1000, strict=True, ge=100, le=100_000)
    """Dispatches of one Cloud Task after which it counts as poison that kills its process before the claim.
    They rise on healthy tasks in any outage: set it above what a long one explains."""
    exclusive: bool = Field(default=False, strict=True)
    """Nobody else starts a task while somebody may be running it; who comes meanwhile is parked."""
    age_limit: Duration = Field(ge=timedelta(seconds=1), le=MAX_AGE)
    ledger_retention: Duration = Field(default=timedelta(days=30), le=timedelta(days=400))
    """How long the ledger knows a task after it can no longer be of use: longer than the names of Cloud Tasks
    stay reserved, and than a paused queue keeps tasks."""
    skew_age: Duration = Field(ge=timedelta(seconds=1), le=MAX_AGE)
    """How long a task that needs newer code is postponed."""
    skew_delay: Duration = Field(ge=timedelta(seconds=1), le=timedelta(hours=1))
    deadline: Duration = Field(ge=timedelta(milliseconds=100), le=timedelta(minutes=29))
    """Total time of one attempt's side effect."""
    realtime: bool = Field(strict=True)
    """An item that is too old, or whose owner paused its endpoint, is skipped instead of buried."""
    max_concurrent_per_target: int = Field(strict=True, ge=1, le=5000)
    """Side effects under way for one target in one process. What finds none free is parked, as below."""
    max_per_second_per_target: float = Field(strict=True, gt=0, le=500)
    """Side effects of one target a second, after a second's worth at once; parked tasks come back so fast.

    Above what a target gets on an ordinary day, and well below the sibling queue's rate, which all parked
    tasks and retries of the queue share.
    """
    breaker_failures: int = Field(strict=True, ge=1, le=1000)
    """Failures in a row after which a target is left alone."""
    breaker_open_for: Duration = Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))
    """For how long, until one task probes it."""
    slow_after: Duration | None = Field(
        default=None, ge=timedelta(milliseconds=100), le=timedelta(minutes=29)
    )
    """A target whose calls take longer is slow: its first attempts run from the sibling queue too, at a pace
    that it keeps up with. None: no target is."""
    max_concurrent_when_slow: int | None = Field(default=None, strict=True, ge=1, le=5000)
    """Side effects under way for one slow target in one process; set exactly with `slow_after`."""
    disable_after: Duration | None = Field(default=None, ge=timedelta(seconds=1), le=timedelta(days=30))
    """For how long an endpoint may fail without a success until it is disabled. None: for ever."""

    @model_validator(mode="after")
    def _slow_is_whole(self) -> DeliveryPolicy:
        if (self.slow_after is None) != (self.max_concurrent_when_slow is None):
            raise ValueError("slow_after and max_concurrent_when_slow must be set together, or neither")
        return self

    @model_validator(mode="after")
    def _remembers_longer_than_it_runs(self) -> DeliveryPolicy:
        if self.ledger_retention <= self.age_limit:
            raise ValueError(
                f"ledger_retention must be above age_limit, {in_seconds(self.age_limit)}: "
                "a task must be known for longer than it may run"
            )
        return self

    @property
    def remembered_for(self) -> timedelta:
        """How long the ledger keeps a row after the last start of its task."""
        return self.age_limit + self.ledger_retention


class Queue(Settings):
    """One queue, resolved: defaults and overrides merged."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,94}$")
    """QUEUE_ID (letters, digits, hyphens, at most 100), with room for the sibling's suffix."""
    rate_limits: RateLimits
    retry_rate_limits: RateLimits
    """Limits of the sibling `-retry` queue, which carries later attempts and parked tasks."""
    retry: QueueRetry
    delivery: DeliveryPolicy
    dispatch_deadline: Duration = Field(ge=timedelta(seconds=15), le=timedelta(minutes=30))
    """How long Cloud Tasks waits for the handler's answer (documented range for HTTP targets)."""
    inline_limit_bytes: int = Field(strict=True, ge=1024, le=1_000_000)
    """Largest envelope that rides in its task; Cloud Tasks refuses one above 1 MiB and bills by 32 KB."""
    blob_limit_bytes: int = Field(default=0, strict=True, ge=0, le=64 * 1024 * 1024)
    """Largest payload that goes to the blob store when its envelope is over `inline_limit_bytes`; 0: none."""
    blob_retention: Duration = Field(default=timedelta(days=14), le=timedelta(days=400))
    """How long a blob is kept, from when its task may first run: longer than the task may take to its end."""
    dead_letter_retention: Duration = Field(default=timedelta(days=90), le=timedelta(days=3650))
    """How long a dead letter's blob is kept, from the death."""
    quarantine: bool = Field(default=False, strict=True)
    """Carries nothing but tasks under suspicion of killing their process, of whatever queue and by the policy
    of that one: one at a time, so that no other is suspected with them. At most one queue is it."""
    dead_letter_topic: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$")

    @field_validator("name")
    @classmethod
    def _is_no_sibling(cls, name: str) -> str:
        if name.endswith(RETRY_SUFFIX):
            raise ValueError(f"must not end in {RETRY_SUFFIX!r}, which marks the sibling of a queue")
        return name

    @model_validator(mode="after")
    def _time_adds_up(self) -> Queue:
        needed = CLAIM_BUDGET + self.delivery.deadline + SETTLE_BUDGET
        if needed > self.dispatch_deadline:
            raise ValueError(
                f"dispatch_deadline must be at least {in_seconds(needed)}: "
                f"claim {in_seconds(CLAIM_BUDGET)}, delivery.deadline {in_seconds(self.delivery.deadline)} "
                f"and settle {in_seconds(SETTLE_BUDGET)}"
            )
        return self

    @model_validator(mode="after")
    def _is_alone_in_quarantine(self) -> Queue:
        together = max(
            self.rate_limits.max_concurrent_dispatches, self.retry_rate_limits.max_concurrent_dispatches
        )
        if self.quarantine and together > 1:
            raise ValueError("max_concurrent_dispatches must be 1 in both rate limits of a quarantine")
        return self

    @model_validator(mode="after")
    def _blobs_outlive_their_tasks(self) -> Queue:
        needed = self.delivery.age_limit + BLOB_MARGIN
        if self.blob_limit_bytes and self.blob_retention < needed:
            raise ValueError(
                f"blob_retention must be at least {in_seconds(needed)}: delivery.age_limit "
                f"{in_seconds(self.delivery.age_limit)}, and {in_seconds(BLOB_MARGIN)} in which a dead "
                "letter may arrive"
            )
        if self.blob_limit_bytes and self.dead_letter_retention < self.blob_retention:
            raise ValueError(
                f"dead_letter_retention must be at least blob_retention, {in_seconds(self.blob_retention)}"
            )
        return self

    @property
    def lease(self) -> timedelta | None:
        """How long a start keeps others away: as long as it may take. None where it does not."""
        return CLAIM_BUDGET + self.delivery.deadline + SETTLE_BUDGET if self.delivery.exclusive else None

    @property
    def retry_queue(self) -> str:
        return self.name + RETRY_SUFFIX


def in_seconds(value: timedelta) -> str:
    """A duration as the catalog writes it."""
    return f"{value.total_seconds():.9f}".rstrip("0").rstrip(".") + "s"
