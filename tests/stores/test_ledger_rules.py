"""The ledger's rules as pure functions: one row, every order in which requests can meet it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import Position
from stores import Key, Outcome, OutcomeKind, Row, Settled, Started, Superseded
from stores.ledger import MAX_HISTORY, claim, record, release

KEY = Key("developer-webhook", "memory_created/u/1/0", 0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Position(attempt=1, park=0)
SECOND = Position(attempt=2, park=0)
PARKED = Position(attempt=1, park=1)


def outcome(kind: OutcomeKind, following: Position | None = None, *, bug: bool = False) -> Outcome:
    return Outcome(kind=kind, reason="test", decided_at=NOW, next=following, charged_to_us=bug)


DONE = outcome(OutcomeKind.DONE)
DEAD = outcome(OutcomeKind.DEAD)
RETRY = outcome(OutcomeKind.RETRY, SECOND)
PARK = outcome(OutcomeKind.PARK, PARKED)


def started(row: Row | None, position: Position) -> Row:
    row, claimed = claim(row, KEY, position)
    assert isinstance(claimed, Started)
    return row


def recorded(row: Row | None, position: Position, result: Outcome) -> Row:
    row, standing = record(row, KEY, position, result)
    assert standing == result
    return row


def test_first_claim_starts() -> None:
    row = started(None, FIRST)
    assert (row.position, row.starts, row.outcome) == (FIRST, 1, None)


def test_a_claim_after_a_crash_starts_again_and_counts_the_lost_start() -> None:
    row = started(started(None, FIRST), FIRST)
    assert row.starts == 2


def test_a_released_start_is_not_held_against_the_task() -> None:
    assert release(started(None, FIRST)).starts == 0


@pytest.mark.parametrize("result", [DONE, DEAD, RETRY, PARK])
def test_a_redelivery_of_an_ended_attempt_meets_its_outcome(result: Outcome) -> None:
    row = recorded(started(None, FIRST), FIRST, result)
    assert claim(row, KEY, FIRST) == (row, Settled(result))


def test_the_next_attempt_starts_with_no_lost_starts() -> None:
    row = started(recorded(started(None, FIRST), FIRST, RETRY), SECOND)
    assert (row.position, row.starts, row.outcome) == (SECOND, 1, None)


def test_an_attempt_older_than_the_row_is_superseded() -> None:
    row = started(recorded(started(None, FIRST), FIRST, RETRY), SECOND)
    assert claim(row, KEY, FIRST) == (row, Superseded())
    assert claim(row, KEY, PARKED) == (row, Superseded())


@pytest.mark.parametrize("result", [DONE, DEAD, outcome(OutcomeKind.SKIPPED)])
def test_nothing_starts_after_the_end(result: Outcome) -> None:
    row = recorded(started(None, FIRST), FIRST, result)
    assert claim(row, KEY, SECOND) == (row, Superseded())


def test_the_first_of_two_outcomes_wins() -> None:
    row = started(started(None, FIRST), FIRST)
    row = recorded(row, FIRST, DONE)
    row, standing = record(row, KEY, FIRST, RETRY)
    assert standing == DONE
    assert (row.outcome, row.starts) == (DONE, 0)


def test_an_outcome_of_an_attempt_that_was_overtaken_does_not_stand() -> None:
    row = started(recorded(started(started(None, FIRST), FIRST), FIRST, RETRY), SECOND)
    row, standing = record(row, KEY, FIRST, DEAD)
    assert standing is None
    assert (row.position, row.outcome) == (SECOND, None)


def test_a_row_that_expired_meanwhile_is_made_again() -> None:
    row = recorded(None, SECOND, DONE)
    assert (row.position, row.starts) == (SECOND, 0)


def test_bugs_are_counted_over_attempts() -> None:
    row = recorded(started(None, FIRST), FIRST, outcome(OutcomeKind.RETRY, SECOND, bug=True))
    assert recorded(started(row, SECOND), SECOND, RETRY).bugs == 1


def test_a_run_of_parks_keeps_its_beginning_until_an_attempt_is_made() -> None:
    row = recorded(started(None, FIRST), FIRST, PARK)
    later = PARK.model_copy(update={"decided_at": NOW + timedelta(hours=1)})
    row = recorded(started(row, PARKED), PARKED, later)
    assert row.parked_since == NOW
    after = Position(attempt=1, park=2)
    assert recorded(started(row, after), after, RETRY).parked_since is None


def test_history_is_bounded_and_keeps_the_newest() -> None:
    row: Row | None = None
    for park in range(MAX_HISTORY + 5):
        position = Position(attempt=1, park=park)
        row = recorded(started(row, position), position, PARK)
    assert row is not None
    assert len(row.history) == MAX_HISTORY
    assert row.history[-1].position.park == MAX_HISTORY + 4


steps = st.lists(
    st.tuples(
        st.sampled_from(["claim", "record", "release"]),
        st.builds(Position, attempt=st.integers(1, 3), park=st.integers(0, 1)),
        st.sampled_from([DONE, DEAD, RETRY, PARK]),
    ),
    max_size=30,
)


@given(steps)
def test_a_row_never_goes_back_and_never_leaves_its_end(path: list[tuple[str, Position, Outcome]]) -> None:
    row: Row | None = None
    for step, position, result in path:
        before = row
        if step == "claim":
            row, _ = claim(row, KEY, position)
        elif step == "record":
            row, _ = record(row, KEY, position, result)
        elif row is not None:
            row = release(row)
        if before is not None:
            assert row is not None
            assert not row.position < before.position
            assert row.starts >= 0
            if before.outcome is not None and before.outcome.final:
                assert row.outcome == before.outcome
