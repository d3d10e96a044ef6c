"""What must be true of queues and their dispatches, as a model that watches a target and keeps books."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator import End, Response

MAX_ATTEMPTS = 4
MIN_BACKOFF = 2.0
MAX_BACKOFF = 10.0
BURST = 2
RATE = 2.0
CONCURRENT = 1
TOMBSTONE_TTL = 30.0
_TOLERANCE = 1e-3

Key = tuple[str, str]
"""(full name of the queue, task id)"""


@dataclass
class Known:
    """A task that the emulator acknowledged. It is live until one of the others."""

    key: Key
    due: float
    failures: int = 0
    under_way: int = 0
    state: str = "live"  # executed, removed (by a call), dead
    ended_at: float = 0.0

    def end(self, state: str, now: float) -> None:
        self.state, self.ended_at = state, now


@dataclass
class Bucket:
    """The token bucket and the slots of a queue, as they must be at least."""

    now: float
    rate: float = RATE
    concurrent: int = CONCURRENT
    paused: bool = False
    tokens: float = BURST
    in_flight: int = 0

    def refill(self, now: float) -> None:
        self.tokens = min(float(BURST), self.tokens + (now - self.now) * self.rate)
        self.now = now


@dataclass
class Attempt:
    """A dispatch that the target has received."""

    known: Known
    bucket: Bucket
    forced_at: float | None


@dataclass
class Model:
    """`violations` says what was not as it must be."""

    queues: dict[str, Bucket]
    latest: dict[Key, Known] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    forcing: Key | None = None  # the task that RunTask is called for

    def may_create(self, key: Key, now: float) -> bool:
        known = self.latest.get(key)
        return known is None or (known.state != "live" and now >= known.ended_at + TOMBSTONE_TTL)

    def created(self, key: Key, due: float) -> None:
        self.latest[key] = Known(key, due)

    def live(self, queue: str = "") -> list[Known]:
        return [known for known in self.latest.values() if known.state == "live" and queue in known.key[0]]

    def removed(self, key: Key, now: float) -> None:
        self.latest[key].end("removed", now)

    def queue_deleted(self, queue: str, now: float) -> None:
        """With its tasks, whose names are free; what is under way ends. It is made again at once."""
        self.queues[queue] = Bucket(now)
        self.latest = {key: known for key, known in self.latest.items() if key[0] != queue}

    def changed(self, queue: str, now: float, *, rate: float, concurrent: int) -> None:
        bucket = self.queues[queue]
        bucket.refill(now)
        bucket.rate, bucket.concurrent = rate, concurrent

    def restarted(self, now: float) -> None:
        """Nothing is under way, and the buckets are full."""
        for bucket in self.queues.values():
            bucket.tokens, bucket.now, bucket.in_flight = BURST, now, 0
        for known in self.latest.values():
            known.under_way = 0

    def dispatched(self, key: Key, now: float) -> Attempt:
        known, bucket = self.latest.get(key), self.queues[key[0]]
        if known is None or known.state != "live":
            self.violations.append(f"{key} was sent, and is not there")
            known = known or Known(key, now)
        if self.forcing == key:
            self.forcing = None
            known.under_way += 1
            return Attempt(known, bucket, now)
        bucket.refill(now)
        wrong = {
            "before its time": now < known.due - _TOLERANCE,
            "of a paused queue": bucket.paused,
            "beside another attempt of it": known.under_way > 0,
            "above the concurrency": bucket.in_flight >= bucket.concurrent,
            "above the rate": bucket.tokens < 1 - _TOLERANCE * 5,
        }
        self.violations += [f"{key} was sent {what}" for what, is_so in wrong.items() if is_so]
        bucket.tokens -= 1
        bucket.in_flight += 1
        known.under_way += 1
        return Attempt(known, bucket, None)

    def ended(self, attempt: Attempt, end: End, now: float) -> None:
        known = attempt.known
        known.under_way -= 1
        if attempt.forced_at is None:
            attempt.bucket.in_flight -= 1
        if known.state != "live":
            return
        if isinstance(end, Response) and end.status == 200:
            known.end("executed", now)
            return
        known.failures += 1
        waits = min(MAX_BACKOFF, MIN_BACKOFF * 2 ** (known.failures - 1))
        known.due = (now if attempt.forced_at is None else attempt.forced_at) + waits
        if known.failures >= MAX_ATTEMPTS:
            known.end("dead", now)
