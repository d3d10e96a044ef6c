"""Every error of Google's client library becomes one of ours."""

from __future__ import annotations

import inspect

import pytest
from google.api_core import exceptions

from producers import Refused, UnknownQueue, Unreachable
from producers.connection import is_transient, translated

PASSING = {
    exceptions.Aborted,
    exceptions.BadGateway,
    exceptions.Cancelled,
    exceptions.DataLoss,
    exceptions.DeadlineExceeded,
    exceptions.GatewayTimeout,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.RetryError,
    exceptions.ServerError,
    exceptions.ServiceUnavailable,
    exceptions.TooManyRequests,
    exceptions.Unknown,
}

FOREIGN = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == exceptions.__name__
]


@pytest.mark.parametrize("kind", FOREIGN)
def test_every_foreign_error_has_a_translation(kind: type[Exception]) -> None:
    error = kind(*("what Google said", None)[: 2 if kind is exceptions.RetryError else 1])
    ours = translated(error, "create task t", UnknownQueue)

    expected: type[Exception] = Refused
    if kind in PASSING:
        expected = Unreachable
    elif kind is exceptions.NotFound:
        expected = UnknownQueue
    assert type(ours) is expected
    assert is_transient(error) == (expected is Unreachable)
    assert str(ours).startswith("create task t: ")
    assert "what Google said" in str(ours)


def test_the_foreign_errors_were_found() -> None:
    assert {exceptions.NotFound, exceptions.RetryError, exceptions.GoogleAPIError, *PASSING} <= set(FOREIGN)
