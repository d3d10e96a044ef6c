"""The history of a task's attempts: what is kept, and that it stays small."""

from __future__ import annotations

from emulator.engine.attempts import Attempt
from emulator.tasks.history import MAX_ATTEMPTS, appended, entry, records


def attempt(number: int, detail: str = "") -> Attempt:
    moment = 1_758_700_000.123456 + number
    return Attempt(
        schedule_time=moment, dispatch_time=moment, response_time=moment + 0.5, status=500, detail=detail
    )


def test_the_latest_hundred_are_kept_and_numbered_on() -> None:
    history = None
    for number in range(1, 251):
        history = appended(history, entry(attempt(number, detail='a "quoted", [odd] one')), attempts=number)
    kept = records(history, attempts=250)
    assert [record.number for record in kept] == list(range(251 - MAX_ATTEMPTS, 251))
    assert kept[-1].dispatch_time == 1_758_700_250.123456
    assert kept[0].detail == 'a "quoted", [odd] one'


def test_a_success_after_many_failures_is_the_last_of_a_hundred() -> None:
    """It is appended without a look at the rest."""
    history = None
    for number in range(1, 121):
        history = appended(history, entry(attempt(number)), attempts=number)
    kept = records(f"{history},{entry(attempt(121))}", attempts=121)
    assert [record.number for record in kept] == list(range(22, 122))


def test_a_task_without_attempts_has_no_history() -> None:
    assert records(None, attempts=0) == ()
