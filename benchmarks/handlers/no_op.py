"""The side effect of the pipeline benchmark, which does nothing, and its queue; nothing is measured here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from contracts import Task

CATALOG = """
queues:
  no-op:
    rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 500}
    retry_rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 500}
    retry: {max_attempts: -1, min_backoff: "1s", max_backoff: "300s", max_doublings: 8}
    delivery:
      max_attempts: 8
      schedule: ["5s"]
      jitter: 0.2
      bug_attempts: 8
      max_starts: 5
      age_limit: "259200s"
      skew_age: "86400s"
      skew_delay: "60s"
      deadline: "30s"
      realtime: false
      max_concurrent_per_target: 500
      max_per_second_per_target: 500
      breaker_failures: 5
      breaker_open_for: "30s"
    dispatch_deadline: "60s"
    inline_limit_bytes: 200000
    dead_letter_topic: no-op-dead
"""


class NoOp(Task):
    """About 1 kB of a conversation, as a webhook carries it."""

    name: ClassVar[str] = "no-op"
    queue: ClassVar[str] = "no-op"

    uid: str
    conversation_id: str
    title: str
    segments: list[str]

    def identity(self) -> str:
        return self.conversation_id

    def target(self) -> str:
        return self.uid

    def owner(self) -> str:
        return self.uid


TEMPLATE = NoOp(
    uid="user-%d",
    conversation_id="conversation-%d",
    title="A walk along the river",
    segments=["so what do you think, shall we go on to the bridge or turn back here?"] * 12,
)
"""Numbers are filled in where the bytes are made: the caller shall cost as little as it can."""


def catalog_file(folder: Path) -> Path:
    file = folder / "queues.yaml"
    file.write_text(CATALOG, encoding="utf-8")
    return file
