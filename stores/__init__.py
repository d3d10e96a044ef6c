"""What is remembered: how far tasks have come, where side effects go, what was given up."""

from __future__ import annotations

from stores.dead_letters import DeadLetters, Filter, Kept
from stores.directory import Directory, Endpoint
from stores.errors import StoreClosed, StoreError, StoreUnavailable
from stores.ledger import (
    Claim,
    Ended,
    Key,
    Ledger,
    Outcome,
    OutcomeKind,
    Row,
    Settled,
    Started,
    Superseded,
)

__all__ = (
    "Claim",
    "DeadLetters",
    "Directory",
    "Ended",
    "Endpoint",
    "Filter",
    "Kept",
    "Key",
    "Ledger",
    "Outcome",
    "OutcomeKind",
    "Row",
    "Settled",
    "Started",
    "StoreClosed",
    "StoreError",
    "StoreUnavailable",
    "Superseded",
)
