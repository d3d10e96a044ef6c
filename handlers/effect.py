"""What a handler author writes: one async callable that runs one type of task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.delivery import End


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What an effect may want to know of the attempt that it makes."""

    id: str
    """Equal over attempts, parks and replays of one event."""
    attempt: int
    deadline: float
    """Seconds; the pipeline ends the effect after them."""


Effect = Callable[[Any, Delivery], Awaitable[End]]
"""Runs a task of its type and says how that ended.

What it raises counts as a bug of ours, but for `StoreError`: then the queue calls again, at no cost to the
task. Being over its deadline counts as the target's failure.
It may run twice for one event, at the same time even, and then under the same delivery id.
"""

Effects = Mapping[str, Effect]
"""By the name of the task type."""
