"""What an attempt's end meant for its task, as the ledger keeps it. Values; they decide nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

from contracts import Position

MAX_DETAIL = 1000
"""Characters of a detail that are kept: a target's or a library's words may be of any length."""


class OutcomeKind(StrEnum):
    DONE = "done"
    RETRY = "retry"
    PARK = "park"
    DEAD = "dead"
    SKIPPED = "skipped"


FINAL = frozenset({OutcomeKind.DONE, OutcomeKind.DEAD, OutcomeKind.SKIPPED})
FOLLOWED = frozenset({OutcomeKind.RETRY, OutcomeKind.PARK, OutcomeKind.DEAD})
"""Something is still to be done after the outcome is recorded: a next task, or a dead letter."""


class Outcome(BaseModel):
    """What an attempt's end means for its task."""

    model_config = ConfigDict(frozen=True)

    kind: OutcomeKind
    reason: str
    """One word of a closed list, fit for a metric's label."""
    detail: Annotated[str, AfterValidator(lambda text: text[:MAX_DETAIL])] = ""
    decided_at: AwareDatetime
    due: AwareDatetime | None = None
    """When the task goes on; set for retry and park alone."""
    next: Position | None = None
    """Where it goes on; set for retry and park alone."""
    queue: str | None = None
    """The Cloud Tasks queue on which it goes on; None for the `-retry` sibling of its own."""
    charged_to_us: bool = False
    """The attempt failed by a bug of ours and counts against the budget for those."""

    @property
    def final(self) -> bool:
        return self.kind in FINAL


class Ended(BaseModel):
    """One line of a task's history."""

    model_config = ConfigDict(frozen=True)

    position: Position
    outcome: Outcome
