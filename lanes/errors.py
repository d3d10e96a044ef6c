"""What can go wrong in a lane.

LaneError
├── LaneClosed          used before `open()`, after `aclose()`, or on another event loop
├── BadUrl              the URL cannot be requested at all
├── BadRequest          the method or a header cannot be sent at all
├── EgressRefused       the URL leads where no request of ours may go
├── DeadlineExceeded    the answer was not complete in time
├── ConnectFailed       no connection could be made
├── ExchangeFailed      the connection broke, or the answer is not HTTP
├── AnswerTooLarge      the answer is longer than the lane takes
├── ExecutorClosed      used before `open()` or after `aclose()`
├── ExecutorSaturated   all its threads are busy and its queue is full
├── SamePoolWait        a job would wait for another one of its own pool
├── DefaultExecutorRefused  blocking work was given to the loop's default executor
├── FileTooLarge        a file is longer than the caller takes
├── NotAdmitted         a policy let nothing be sent now; come back later
│   ├── BreakerOpen     the target failed too often; says when to come back
│   ├── BulkheadFull    the target, or the bulkhead as a whole, has as many calls as it may have
│   ├── LaneSaturated   the lane has as many requests under way and waiting as it may have
│   └── StreamsFull     latest-wins has as many streams under way as it may have
├── KeysAway            the keys that tokens are checked with cannot be had
├── TokenRefused        a token is not signed by its issuer, or is not valid here
└── Superseded          latest-wins dropped the item for a newer one
"""

from __future__ import annotations


class LaneError(Exception):
    """Base of every error that `lanes` raises."""


class LaneClosed(LaneError):
    """The lane is not open on this event loop: open it in the lifespan of the loop that uses it."""


class BadUrl(LaneError):
    """The URL cannot be requested: it must be absolute, with http or https and a host."""


class BadRequest(LaneError):
    """The method or a header cannot be sent; the message says why. Nothing was sent: mend the caller."""


class EgressRefused(LaneError):
    """The URL leads where no request of ours may go; the message says why. Trying again does not help."""


class DeadlineExceeded(LaneError):
    """The answer was not complete in time; the request may have had its effect."""


class ConnectFailed(LaneError):
    """No connection could be made; the request had no effect."""


class ExchangeFailed(LaneError):
    """The connection broke or the answer is not HTTP; the request may have had its effect."""


class AnswerTooLarge(LaneError):
    """The answer is longer than the lane takes; the request had its effect. `status` is what it said."""

    def __init__(self, status: int, max_bytes: int) -> None:
        super().__init__(f"an answer of status {status} is longer than the lane's {max_bytes} bytes")
        self.status = status


class ExecutorClosed(LaneError):
    """The executor is not open: open it in the lifespan. A job that never began ends so at shutdown."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the {name} executor is closed: open it in the lifespan, before its first job")


class ExecutorSaturated(LaneError):
    """All threads are busy and the queue is full: answer 503, or enqueue the work as a task."""

    def __init__(self, name: str, max_waiting: int) -> None:
        super().__init__(
            f"the {name} executor is saturated: its threads are busy and {max_waiting} jobs wait already; "
            "shed this one, or enqueue it as a task"
        )


class SamePoolWait(LaneError):
    """A job would wait for another one of its own pool, which deadlocks once every thread does so."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"a job of the {name} executor must not wait for another one of it: "
            "call the function directly, use another executor, or wait in a coroutine outside of the job"
        )


class DefaultExecutorRefused(LaneError):
    """Blocking work belongs on a named executor: `critical` or `storage`."""

    def __init__(self, function: str) -> None:
        super().__init__(
            f"the event loop's default executor takes no work ({function}): its queue is unbounded and "
            "shared by everything; use the `critical` or `storage` executor's run()"
        )


class FileTooLarge(LaneError):
    """A file is longer than its reader takes: raise `max_bytes`, or read it in chunks."""


class NotAdmitted(LaneError):
    """A policy let nothing be sent now: nothing happened. Park what is durable, drop what is not."""


class BreakerOpen(NotAdmitted):
    """The target failed too often and is left alone. Nothing was sent: come back at `retry_at`."""

    def __init__(self, target: str, *, retry_at: float, retry_after: float) -> None:
        super().__init__(f"target {target!r} failed too often: come back in {retry_after:.3g} s")
        self.target = target
        self.retry_at = retry_at
        """Seconds on the breaker's clock."""
        self.retry_after = retry_after
        """Seconds from now."""


class BulkheadFull(NotAdmitted):
    """As many calls as may be are under way and waiting. Nothing was sent: come back when some have ended."""

    def __init__(self, target: str, why: str) -> None:
        super().__init__(f"target {target!r} has no place: {why}; come back when calls have ended")
        self.target = target
        self.why = why


class LaneSaturated(NotAdmitted):
    """The lane is full, whatever the target. Nothing was sent: shed the request, or enqueue it as a task."""

    def __init__(self, lane: str, why: str) -> None:
        super().__init__(f"the {lane} lane is saturated: {why}; shed the request, or enqueue it as a task")
        self.lane = lane


class StreamsFull(NotAdmitted):
    """As many streams as may be have an item under way. Nothing was sent: come back, or drop the item."""

    def __init__(self, target: str, stream: str, bound: int) -> None:
        super().__init__(
            f"no place for stream {stream!r} of target {target!r}: {bound} streams are under way;"
            " come back when some have ended, or raise `max_streams`"
        )
        self.target = target
        self.stream = stream


class KeysAway(LaneError):
    """The keys of a token's issuer cannot be fetched: whether a token is right cannot be told now."""


class TokenRefused(LaneError):
    """A token is not right; the message says why, and never holds it."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason`: a value of `lanes.id_token.Refusal`, for metrics."""
        super().__init__(message)
        self.reason = reason


class Superseded(LaneError):
    """A newer item of the same target and stream took this one's place before it was sent: forget it."""

    def __init__(self, target: str, stream: str) -> None:
        super().__init__(f"an item of stream {stream!r} of target {target!r} made room for a newer one")
        self.target = target
        self.stream = stream
