"""Keeps count of a task's attempts and says what the end of one means; pure values and functions."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.engine.backoff import gives_up, interval
from emulator.engine.exchange import End, FailureReason, Response
from emulator.engine.settings import RetryConfig

_SYNTHESISED = {FailureReason.TIMEOUT: 504, FailureReason.UNREACHABLE: 503}
"""The response that the next attempt is told of when there was none. 504 was seen in production after a
deadline; 503 is our choice, by the same mapping of gRPC codes (UNAVAILABLE) to HTTP."""
NO_RESPONSE = 0
"""The status of an App Engine attempt that had no response in time, as seen in production."""


_DETAIL = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that ended. Times are seconds since the epoch."""

    schedule_time: float
    dispatch_time: float
    response_time: float
    status: int
    """HTTP status, synthesised where no response came; `NO_RESPONSE` after App Engine's deadline."""
    detail: str = ""
    """Why there was no response, for people; at most 300 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The attempts of one task so far, those that ended."""

    dispatch_count: int = 0
    response_count: int = 0
    """Attempts that got a response, whatever its status."""
    execution_count: int = 0
    """Attempts that got a response other than 5xx: what production counts as executions."""
    first_dispatch_time: float | None = None
    last: Attempt | None = None

    def followed_by(
        self,
        end: End,
        *,
        schedule_time: float,
        dispatch_time: float,
        response_time: float,
        app_engine: bool = False,
    ) -> Attempts:
        """These attempts and one more that ended so; `app_engine` says what the task's target is."""
        responded = isinstance(end, Response)
        if isinstance(end, Response):
            status = end.status
        elif app_engine and end.reason is FailureReason.TIMEOUT:
            status = NO_RESPONSE
        else:
            status = _SYNTHESISED[end.reason]
        return Attempts(
            dispatch_count=self.dispatch_count + 1,
            response_count=self.response_count + responded,
            execution_count=self.execution_count + (responded and status < 500),
            first_dispatch_time=dispatch_time
            if self.first_dispatch_time is None
            else min(dispatch_time, self.first_dispatch_time),
            last=Attempt(
                schedule_time=schedule_time,
                dispatch_time=dispatch_time,
                response_time=response_time,
                status=status,
                detail="" if isinstance(end, Response) else end.detail[:_DETAIL],
            ),
        )


@dataclass(frozen=True, slots=True)
class Completed:
    """The target answered 2xx: the task is deleted."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The attempt failed: the task goes again at this time."""

    schedule_time: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The attempt failed and the stop rule applies: the task is deleted, as the service does it."""


Verdict = Completed | RetryAt | Exhausted


def is_success(end: End) -> bool:
    """Whether the target took the task: 200 to 299. A redirect is none, nor is anything else."""
    return isinstance(end, Response) and 200 <= end.status <= 299


def judge(
    end: End,
    attempts: Attempts,
    retry: RetryConfig,
    *,
    now: float,
    forced_at: float | None = None,
    hold_back: float = 0.0,
) -> Verdict:
    """What becomes of a task whose latest attempt, counted in `attempts`, ended so at `now`.

    The wait is counted from the failure, or from `forced_at`, the RunTask that began the attempt. With
    `hold_back` it is that many seconds from `now` at least.
    """
    if is_success(end):
        return Completed()
    first = now if attempts.first_dispatch_time is None else attempts.first_dispatch_time
    if gives_up(retry, attempts=attempts.dispatch_count, first_attempt_at=first, now=now):
        return Exhausted()
    waits_from = now if forced_at is None else forced_at
    again = waits_from + interval(retry, attempts.dispatch_count)
    return RetryAt(max(again, now + hold_back) if hold_back else again)
