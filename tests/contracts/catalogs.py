"""A small catalog that is in order, and a way to put one thing of it out of order."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Write = Callable[[Document], Path]


def two_queues() -> Document:
    """A catalog of two queues that is in order."""
    return {
        "defaults": {
            "rate_limits": {"max_dispatches_per_second": 100, "max_concurrent_dispatches": 10},
            "retry_rate_limits": {"max_dispatches_per_second": 5, "max_concurrent_dispatches": 2},
            "retry": {
                "max_attempts": -1,
                "min_backoff": "1s",
                "max_backoff": "300s",
                "max_doublings": 8,
            },
            "delivery": {
                "max_attempts": 3,
                "schedule": ["5s", "300s"],
                "jitter": 0.2,
                "bug_attempts": 8,
                "max_starts": 5,
                "age_limit": "3600s",
                "skew_age": "600s",
                "skew_delay": "60s",
                "deadline": "30s",
                "realtime": False,
                "max_concurrent_per_target": 8,
                "max_per_second_per_target": 10,
                "breaker_failures": 5,
                "breaker_open_for": "30s",
            },
            "dispatch_deadline": "60s",
            "inline_limit_bytes": 200000,
        },
        "queues": {
            "letters": {"dead_letter_topic": "letters-dead"},
            "calls": {
                "rate_limits": {"max_dispatches_per_second": 0.5},
                "delivery": {"schedule": ["0.25s"], "realtime": True},
                "dead_letter_topic": "letters-dead",
            },
        },
    }


def put(document: Document, place: str, value: object) -> Document:
    """A copy of the document with another value for a field of the queue letters."""
    changed = copy.deepcopy(document)
    block = changed["queues"]["letters"]
    *parents, field = place.split(".")
    for parent in parents:
        block = block.setdefault(parent, {})
    block[field] = value
    return changed
