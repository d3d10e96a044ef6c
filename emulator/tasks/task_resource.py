"""Makes the Task message that is stored, and the one that is answered; it never stores one."""

from __future__ import annotations

from collections.abc import Sequence

from google.rpc.code_pb2 import Code

from emulator.engine import limits
from emulator.engine.attempts import NO_RESPONSE, Attempt
from emulator.engine.headers import stored_headers
from emulator.engine.settings import RetryConfig, checked_retry_config
from emulator.errors import InvalidArgumentError
from emulator.tasks.app_engine import complete_app_engine_request
from emulator.tasks.http_target import gives_host
from emulator.tasks.messages import (
    BASIC,
    FULL,
    HTTP_METHODS,
    POST,
    Pb,
    Task,
    duration_of,
    moment_of,
    seconds_of,
    set_moment,
    set_seconds,
)
from emulator.tasks.tables import TaskRow

_CODES = {
    NO_RESPONSE: Code.DEADLINE_EXCEEDED,
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ABORTED,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
"""google.rpc.Code of an HTTP status, as google/rpc/code.proto maps them; others are UNKNOWN."""


def stored_task(given: Pb, name: str, *, queue: Pb, queue_retry: RetryConfig, now: float) -> Pb:
    """The task as it is kept: defaults filled in, output-only fields of the caller ignored.

    `queue` is the Queue message. What its http_target overrides is not in the stored task: that is applied
    to each attempt. The task's own retry_config is kept as given, and checked with what the queue sets
    besides.

    Raises InvalidArgumentError.
    """
    task = Task(name=name)
    if given.HasField("http_request"):
        task.http_request.CopyFrom(given.http_request)
        _complete_request(task.http_request, url_is_optional=gives_host(queue))
    elif given.HasField("app_engine_http_request"):
        task.app_engine_http_request.CopyFrom(given.app_engine_http_request)
        complete_app_engine_request(task.app_engine_http_request, queue)
    else:
        raise InvalidArgumentError("Task.http_request or Task.app_engine_http_request is required.")
    if given.HasField("retry_config"):
        task.retry_config.CopyFrom(given.retry_config)
        _check_retry(task, queue_retry)
    set_moment(task.schedule_time, _schedule_time(given, now=now))
    task.create_time.seconds = int(now)  # the service keeps whole seconds
    set_seconds(task.dispatch_deadline, _dispatch_deadline(given))
    limits.check_stored_size(task.ByteSize())
    return task


def retry_of(task: Pb, queue_retry: RetryConfig) -> RetryConfig:
    """How the task is retried: by its own retry_config, and by the queue's where that leaves a field out.

    The service documents that a task's retry_config overrides the queue's, not what an unset field of it
    means. Both were checked together at create; a queue that changed since then is no error, and its longest
    backoff wins over a longer shortest one of the task.
    """
    if not task.HasField("retry_config"):
        return queue_retry
    own = task.retry_config
    return RetryConfig(
        max_attempts=own.max_attempts or queue_retry.max_attempts,
        max_retry_duration=seconds_of(own.max_retry_duration) // 1 or queue_retry.max_retry_duration,
        min_backoff=seconds_of(own.min_backoff) or queue_retry.min_backoff,
        max_backoff=seconds_of(own.max_backoff) or queue_retry.max_backoff,
        max_doublings=own.max_doublings or queue_retry.max_doublings,
    )


def answered_task(task: Pb, view: int) -> Pb:
    """The task as its creator gets it back. Changes `task`, which must be stored before."""
    if view == FULL:
        task.view = FULL
    else:
        task.view = BASIC
        getattr(task, task.WhichOneof("message_type")).ClearField("body")
    return task


def task_of(row: TaskRow, view: int, *, under_way: Sequence[float] = ()) -> Pb:
    """The task as Get and List answer it; `under_way` tells when attempts that have not ended began."""
    task = Task.FromString(row.message)
    set_moment(task.schedule_time, row.schedule_time)
    attempts = row.attempts
    task.dispatch_count = attempts.dispatch_count + len(under_way)
    task.response_count = attempts.response_count
    began = (
        [*under_way] if attempts.first_dispatch_time is None else [attempts.first_dispatch_time, *under_way]
    )
    if began:
        set_moment(task.first_attempt.dispatch_time, min(began))
    if under_way:
        set_moment(task.last_attempt.schedule_time, min(row.schedule_time, under_way[-1]))
        set_moment(task.last_attempt.dispatch_time, under_way[-1])
    elif attempts.last is not None:
        _fill(task.last_attempt, attempts.last)
    return answered_task(task, view)


def _complete_request(request: Pb, *, url_is_optional: bool) -> None:
    limits.check_url(request.url, optional=url_is_optional)
    request.http_method = request.http_method or POST
    if request.http_method not in HTTP_METHODS:
        raise InvalidArgumentError(f"HttpRequest.httpMethod {request.http_method} is unknown.")
    limits.check_body(HTTP_METHODS[request.http_method], request.body)
    headers = stored_headers(request.headers)
    limits.check_headers(headers)
    request.headers.clear()
    request.headers.update(headers)
    for token, field in (("oidc_token", "oidcToken"), ("oauth_token", "oauthToken")):
        if request.HasField(token) and not getattr(request, token).service_account_email:
            raise InvalidArgumentError(f"HttpRequest.{field}.serviceAccountEmail is required.")


def _check_retry(task: Pb, queue_retry: RetryConfig) -> None:
    own = task.retry_config
    for duration, field in (
        (own.max_retry_duration, "maxRetryDuration"),
        (own.min_backoff, "minBackoff"),
        (own.max_backoff, "maxBackoff"),
    ):
        duration_of(duration, f"RetryConfig.{field}")
    retry = retry_of(task, queue_retry)
    checked_retry_config(
        max_attempts=retry.max_attempts,
        max_retry_duration=retry.max_retry_duration,
        min_backoff=retry.min_backoff,
        max_backoff=retry.max_backoff,
        max_doublings=retry.max_doublings,
        zero_doublings=True,  # one that the queue sets
    )


def _dispatch_deadline(given: Pb) -> float:
    """Whole milliseconds. A zero is the default for an App Engine task, and out of range for another."""
    app_engine = given.HasField("app_engine_http_request")
    asked = seconds_of(given.dispatch_deadline)
    if not given.HasField("dispatch_deadline") or (app_engine and asked == 0):
        return limits.DISPATCH_DEADLINE
    limits.check_dispatch_deadline(asked, app_engine=app_engine)
    return float(given.dispatch_deadline.seconds + given.dispatch_deadline.nanos // 10**6 / 1000)


def _schedule_time(given: Pb, *, now: float) -> float:
    if not given.HasField("schedule_time"):
        return now
    asked = moment_of(given.schedule_time, "Task.scheduleTime")
    limits.check_schedule_time(asked, now=now)
    return max(asked, now)


def _fill(attempt: Pb, ended: Attempt) -> None:
    set_moment(attempt.schedule_time, ended.schedule_time)
    set_moment(attempt.dispatch_time, ended.dispatch_time)
    set_moment(attempt.response_time, ended.response_time)
    code = _CODES.get(ended.status, Code.UNKNOWN)
    attempt.response_status.code = code
    attempt.response_status.message = f"{Code.Name(code)}({code}): HTTP status code {ended.status}"
