"""Remembers of each target what all instances go by: breaker, line and health. Values and protocol.

It knows no rule: what a change is, and when one is worth a write, is its users' business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lanes import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How the calls of one queue to one target go. Times are seconds since the epoch, one clock for all."""

    phase: Phase = Phase.CLOSED
    since: float = 0.0
    """When somebody said so: of two words the later one counts."""
    retry_at: float = 0.0
    """Open: when a probe may go. Half-open: when the probe's place is free at the latest. Closed: unused."""
    booked_until: float = 0.0
    """The end of the target's line: every slot before it is somebody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether what answers at a target is well, whatever queue calls it."""

    failing_since: datetime | None = None
    """The first failure after the last success; None: it is well."""
    told: int = 0
    """Percent of the time that it may fail which had passed when its owner was told last; 0: not told."""
    told_at: datetime | None = None
    disabled_at: datetime | None = None
    """Nothing is sent from then on, until somebody enables it."""
    disabled_for: str = ""
    """Why: one word of a closed list."""
    enabled_at: datetime | None = None
    """When somebody enabled it last."""
    missed_since: datetime | None = None
    """What it did not get from then on was missed by what `enabled_at` ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """All that is known of one target by one queue."""

    traffic: Traffic = Traffic()
    health: Health = Health()


class TargetStates(Protocol):
    """A store of them; of a target that is not in it everything has its default.

    Every method raises `StoreUnavailable` where it could not do its work whole. A change is a pure function,
    perhaps called more than once, with no other change of the same in between; one that changes nothing is
    not written.
    """

    async def read(self, queue: str, target: str) -> TargetState:
        """Traffic of (queue, target) and health of the target."""

    async def change_traffic(self, queue: str, target: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        """Replace the traffic by what `change` makes of it, and return it."""

    async def health(self, target: str) -> Health:
        """The health of the target."""

    async def change_health(self, target: str, change: Callable[[Health], Health]) -> Health:
        """Replace the health by what `change` makes of it, and return it."""

    async def forget(self, target: str) -> None:
        """Forget all there is of the target, for every queue."""
