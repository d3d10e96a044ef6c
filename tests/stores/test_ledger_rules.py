"""The ledger's rules as pure functions: one row, every order in which requests can meet it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import Position
from stores import Key, Leased, Outcome, OutcomeKind, Row, Settled, Started, Superseded
from stores.ledger import MAX_HISTORY, MAX_STARTS, claim, confirm, record, release
from tests.stores.starts import FIRST, NOW, RETENTION, start

KEY = Key("developer-webhook", "memory_created/u/1/0", 0)
SECOND = Position(attempt=2, park=0)
PARKED = Position(attempt=1, park=1)
BODY = b"envelope"
LEASE = timedelta(seconds=60)


def outcome(kind: OutcomeKind, following: Position | None = None, *, bug: bool = False) -> Outcome:
    due = NOW + timedelta(minutes=5) if following else None
    return Outcome(kind=kind, reason="test", decided_at=NOW, due=due, next=following, charged_to_us=bug)


DONE = outcome(OutcomeKind.DONE)
DEAD = outcome(OutcomeKind.DEAD)
SKIPPED = outcome(OutcomeKind.SKIPPED)
RETRY = outcome(OutcomeKind.RETRY, SECOND)
PARK = outcome(OutcomeKind.PARK, PARKED)


def started(row: Row | None, position: Position, token: str = "t1", lease: timedelta | None = None) -> Row:
    row, claimed = claim(row, start(KEY, position, token=token, lease=lease))
    assert isinstance(claimed, Started)
    assert claimed.row == row
    return row


def recorded(row: Row | None, position: Position, result: Outcome, token: str = "t1") -> Row:
    row, standing = record(row, start(KEY, position, token=token), result, BODY)
    assert standing == Settled(result)
    return row


def test_first_claim_starts() -> None:
    row = started(None, FIRST)
    assert (row.position, row.running, row.outcome) == (FIRST, ("t1",), None)
    assert (row.owner, row.queue, row.target) == ("u1", "developer-webhooks", "https://example.com")


def test_a_claim_after_a_crash_starts_again_and_counts_the_lost_start() -> None:
    assert started(started(None, FIRST), FIRST, "t2").starts == 2


def test_a_claim_that_is_made_again_counts_once() -> None:
    row = started(None, FIRST)
    assert started(row, FIRST) == row


def test_what_the_claim_cannot_tell_stays_as_it_was_told() -> None:
    unread = start(KEY, SECOND, token="t2", owner="")
    row, _ = claim(recorded(started(None, FIRST), FIRST, RETRY), unread)
    assert row.owner == "u1"


def test_a_released_start_is_not_held_against_the_task() -> None:
    row = started(started(None, FIRST), FIRST, "t2")
    row = release(row, start(KEY, token="t2"))
    assert row.running == ("t1",)
    assert release(row, start(KEY, token="t2")) == row


@pytest.mark.parametrize("result", [DONE, DEAD, RETRY, PARK])
def test_a_redelivery_of_an_ended_attempt_meets_its_outcome(result: Outcome) -> None:
    row = recorded(started(None, FIRST), FIRST, result)
    assert claim(row, start(KEY)) == (row, Settled(result))


def test_the_next_attempt_starts_with_no_lost_starts() -> None:
    row = started(recorded(started(None, FIRST), FIRST, RETRY), SECOND, "t2")
    assert (row.position, row.running, row.outcome) == (SECOND, ("t2",), None)


def test_a_start_that_was_lost_stays_counted_over_attempts() -> None:
    row = recorded(started(started(None, FIRST), FIRST, "t2"), FIRST, RETRY, "t2")
    assert started(row, SECOND, "t3").running == ("t1", "t3")


def test_starts_kept_are_bounded() -> None:
    row: Row | None = None
    for number in range(MAX_STARTS + 5):
        row = started(row, FIRST, f"t{number}")
    assert row is not None
    assert row.starts == MAX_STARTS


def test_an_attempt_older_than_the_row_is_superseded() -> None:
    row = started(recorded(started(None, FIRST), FIRST, RETRY), SECOND)
    assert claim(row, start(KEY)) == (row, Superseded())
    assert claim(row, start(KEY, PARKED)) == (row, Superseded())


def test_a_position_that_the_outcome_passed_over_redoes_its_follow_up() -> None:
    row = recorded(started(None, FIRST), FIRST, RETRY)
    assert claim(row, start(KEY, PARKED, token="t2")) == (row, Settled(RETRY))


@pytest.mark.parametrize("result", [DONE, DEAD, SKIPPED])
def test_nothing_starts_after_the_end(result: Outcome) -> None:
    row = confirm(recorded(started(None, FIRST), FIRST, result), FIRST)
    assert claim(row, start(KEY, SECOND)) == (row, Superseded())


def test_the_first_of_two_outcomes_wins() -> None:
    row = recorded(started(started(None, FIRST), FIRST, "t2"), FIRST, DONE)
    row, standing = record(row, start(KEY, token="t2"), RETRY, BODY)
    assert standing == Settled(DONE)
    assert (row.outcome, row.starts) == (DONE, 0)


def test_an_outcome_of_an_attempt_that_was_overtaken_does_not_stand() -> None:
    row = started(recorded(started(None, FIRST), FIRST, RETRY), SECOND, "t2")
    row, standing = record(row, start(KEY), DEAD, BODY)
    assert standing == Superseded()
    assert (row.position, row.outcome, row.running) == (SECOND, None, ("t2",))


def test_a_later_attempt_outdoes_the_outcome_of_an_earlier_one() -> None:
    remade = recorded(None, FIRST, RETRY)  # the row was erased, and a late duplicate made it again
    assert recorded(remade, SECOND, DONE).position == SECOND


def test_a_row_that_expired_meanwhile_is_made_again() -> None:
    row = recorded(None, SECOND, DONE)
    assert (row.position, row.starts, row.owner) == (SECOND, 0, "u1")


def test_bugs_are_counted_over_attempts() -> None:
    row = recorded(started(None, FIRST), FIRST, outcome(OutcomeKind.RETRY, SECOND, bug=True))
    assert recorded(started(row, SECOND), SECOND, RETRY).bugs == 1


def test_a_run_of_parks_keeps_its_beginning_until_an_attempt_is_made() -> None:
    row = recorded(started(None, FIRST), FIRST, PARK)
    later = PARK.model_copy(update={"decided_at": NOW + timedelta(hours=1), "next": None})
    row = recorded(started(row, PARKED), PARKED, later)
    assert row.parked_since == NOW
    after = Position(attempt=1, park=2)
    assert recorded(started(row, after), after, RETRY).parked_since is None


def test_history_is_bounded_and_keeps_the_newest() -> None:
    row: Row | None = None
    for park in range(MAX_HISTORY + 5):
        position = Position(attempt=1, park=park)
        row = recorded(started(row, position), position, PARK.model_copy(update={"next": None}))
    assert row is not None
    assert len(row.history) == MAX_HISTORY
    assert row.history[-1].position.park == MAX_HISTORY + 4


@pytest.mark.parametrize("result", [RETRY, PARK])
def test_the_body_is_kept_until_the_next_position_is_claimed(result: Outcome) -> None:
    row = recorded(started(None, FIRST), FIRST, result)
    assert (row.body, row.follow_up_due) == (BODY, result.due)
    assert confirm(row, FIRST) == row
    assert result.next is not None
    row = started(row, result.next)
    assert (row.body, row.follow_up_due) == (None, None)


def test_the_body_of_a_dead_task_is_kept_until_its_letter_is_confirmed() -> None:
    row = recorded(started(None, FIRST), FIRST, DEAD)
    assert (row.body, row.follow_up_due) == (BODY, NOW)
    row = confirm(row, FIRST)
    assert (row.body, row.follow_up_due, row.outcome) == (None, None, DEAD)


def test_a_dead_letter_is_everybodys_to_publish_until_it_is_confirmed() -> None:
    row = recorded(started(None, FIRST), FIRST, DEAD)
    assert claim(row, start(KEY, PARKED, token="t2")) == (row, Settled(DEAD))
    row = confirm(row, PARKED)
    assert claim(row, start(KEY, PARKED, token="t2")) == (row, Superseded())


def test_who_is_behind_confirms_nothing() -> None:
    row = recorded(started(None, SECOND), SECOND, DEAD)
    assert confirm(row, FIRST) == row


@pytest.mark.parametrize("result", [DONE, SKIPPED])
def test_from_what_ended_well_nothing_follows(result: Outcome) -> None:
    row = recorded(started(None, FIRST), FIRST, result)
    assert (row.body, row.follow_up_due) == (None, None)


def test_each_start_keeps_the_row_for_longer_and_never_for_less() -> None:
    row, _ = claim(started(None, FIRST), start(KEY, token="t2", at=NOW + timedelta(days=1)))
    assert row.expires_at == NOW + timedelta(days=1) + RETENTION
    assert started(row, FIRST, "t3").expires_at == row.expires_at


def test_a_held_lease_keeps_others_away_until_it_ends() -> None:
    row = started(None, FIRST, lease=LEASE)
    end = NOW + LEASE
    for position in (FIRST, PARKED, SECOND):
        other = start(KEY, position, token="t2", at=end - timedelta(seconds=1), lease=LEASE)
        assert claim(row, other) == (row, Leased(end))
    row, claimed = claim(row, start(KEY, token="t2", at=end, lease=LEASE))
    assert isinstance(claimed, Started)
    assert row.lease is not None
    assert (row.lease.token, row.lease.until) == ("t2", end + LEASE)


def test_a_lease_keeps_also_those_away_that_want_none() -> None:
    row = started(None, FIRST, lease=LEASE)
    assert claim(row, start(KEY, token="t2")) == (row, Leased(NOW + LEASE))


@pytest.mark.parametrize("result", [RETRY, PARK])
def test_an_outcome_ends_the_lease(result: Outcome) -> None:
    row = recorded(started(None, FIRST, lease=LEASE), FIRST, result)
    assert result.next is not None
    assert started(row, result.next, "t2", LEASE).starts == 1


def test_only_its_holder_gives_a_lease_back() -> None:
    row = started(None, FIRST, lease=LEASE)
    assert release(row, start(KEY, token="t2")).lease == row.lease
    assert release(row, start(KEY)).lease is None


def overtaken() -> Row:
    """The lease of t1 ended under it, and t2 has one now."""
    row = started(None, FIRST, lease=LEASE)
    row, _ = claim(row, start(KEY, token="t2", at=NOW + LEASE, lease=LEASE))
    return row


@pytest.mark.parametrize("result", [RETRY, PARK, DEAD, SKIPPED])
def test_whose_lease_went_to_another_decides_nothing(result: Outcome) -> None:
    late = result.model_copy(update={"decided_at": NOW + LEASE})
    row, standing = record(overtaken(), start(KEY), late, BODY)
    assert standing == Leased(NOW + 2 * LEASE)
    assert row.outcome is None
    assert row.lease is not None
    assert row.lease.token == "t2"
    assert row.running == ("t2",)


def test_whose_lease_went_to_another_may_still_tell_that_it_is_done() -> None:
    row = recorded(overtaken(), FIRST, DONE.model_copy(update={"decided_at": NOW + LEASE}))
    assert record(row, start(KEY, token="t2"), RETRY, BODY)[1] == Settled(row.outcome or DEAD)


positions = st.builds(Position, attempt=st.integers(1, 3), park=st.integers(0, 1))
steps = st.lists(
    st.tuples(
        st.sampled_from(["claim", "record", "release", "confirm"]),
        positions,
        st.sampled_from([DONE, DEAD, RETRY, PARK]),
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from([None, LEASE]),
        st.integers(0, 200),
    ),
    max_size=30,
)


@given(steps)
def test_a_row_never_goes_back_and_never_leaves_its_end(
    path: list[tuple[str, Position, Outcome, str, timedelta | None, int]],
) -> None:
    row: Row | None = None
    for step, position, result, token, lease, seconds in path:
        before, at = row, NOW + timedelta(seconds=seconds)
        begun = start(KEY, position, token=token, at=at, lease=lease)
        if step == "claim":
            row, claimed = claim(row, begun)
            if isinstance(claimed, Started):
                assert token in row.running
        elif step == "record":
            row, _ = record(row, begun, result.model_copy(update={"decided_at": at}), BODY)
            assert token not in row.running
        elif row is not None:
            row = release(row, begun) if step == "release" else confirm(row, position)
        if before is not None:
            assert row is not None
            assert not row.position < before.position
            assert row.expires_at >= before.expires_at
            if before.outcome is not None and before.outcome.final:
                assert row.outcome == before.outcome
        if row is not None and row.body is not None:
            assert row.outcome is not None
            assert row.follow_up_due is not None
