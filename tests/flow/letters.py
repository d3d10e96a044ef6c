"""A task type and its queue for tests that script what its targets do."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from contracts import Catalog, Task, load_catalog

CATALOG = """
queues:
  letters:
    rate_limits: {{max_dispatches_per_second: 500, max_concurrent_dispatches: 500}}
    retry_rate_limits: {{max_dispatches_per_second: 500, max_concurrent_dispatches: 500}}
    retry: {{max_attempts: -1, min_backoff: "1s", max_backoff: "300s", max_doublings: 8}}
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
      max_concurrent_per_target: 8
      max_per_second_per_target: {per_second}
      breaker_failures: 5
      breaker_open_for: "30s"
    dispatch_deadline: "60s"
    inline_limit_bytes: 200000
    dead_letter_topic: letters-dead
"""


class Letter(Task):
    """A side effect whose target a test scripts."""

    name: ClassVar[str] = "letter"
    queue: ClassVar[str] = "letters"

    to: str
    number: int

    def identity(self) -> str:
        return f"{self.to}/{self.number}"

    def target(self) -> str:
        return self.to


def letters_catalog(file: Path, per_second: float) -> Catalog:
    """The catalog of one queue, written to `file`; `per_second` is the rate of each target."""
    file.write_text(CATALOG.format(per_second=per_second))
    return load_catalog(file)
