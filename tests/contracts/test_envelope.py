"""The envelope keeps its payload byte for byte, and says what is wrong with a body that is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import (
    Envelope,
    NewerVersion,
    Position,
    TaskRegistry,
    Undecodable,
    UnknownTask,
    delivery_id,
    task_id,
)
from tests.contracts.tasks import GreetingV1, GreetingV3

ACCEPTED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OUTER: dict[str, Any] = {
    "type": "greeting",
    "version": 1,
    "identity": "ann",
    "generation": 2,
    "attempt": 3,
    "park": 4,
    "accepted_at": "2026-01-02T03:04:05.678901Z",
    "trace": TRACE,
}


def sealed() -> Envelope:
    return Envelope.seal(GreetingV1(who="Ann Lee"), accepted_at=ACCEPTED, trace=TRACE)


def body(payload: bytes = b"{}", **outer: object) -> bytes:
    return json.dumps({**OUTER, **outer}).encode() + b"\n" + payload


def test_sealing_starts_the_first_attempt_of_generation_0() -> None:
    envelope = sealed()
    assert (envelope.type, envelope.version, envelope.identity) == ("greeting", 1, "Ann%20Lee")
    assert (envelope.generation, envelope.position) == (0, Position(attempt=1, park=0))
    assert (envelope.accepted_at, envelope.trace) == (ACCEPTED, TRACE)


def test_sealing_needs_a_time_zone() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Envelope.seal(GreetingV1(who="Ann"), accepted_at=ACCEPTED.replace(tzinfo=None))


def test_round_trip() -> None:
    envelope = sealed()
    read = Envelope.decode(envelope.encode())
    assert read == envelope
    assert read.open(TaskRegistry([GreetingV1])) == GreetingV1(who="Ann Lee")


def test_the_first_line_has_exactly_these_fields() -> None:
    """Handlers of every age read it: a field that comes or goes is lost in an older one's hands."""
    head, _, _ = sealed().encode().partition(b"\n")
    assert json.loads(head) == {
        "type": "greeting",
        "version": 1,
        "identity": "Ann%20Lee",
        "generation": 0,
        "attempt": 1,
        "park": 0,
        "accepted_at": "2026-01-02T03:04:05.678901Z",
        "trace": TRACE,
    }


def test_every_field_of_the_first_line_is_read() -> None:
    assert Envelope.decode(body(b"[1]")) == Envelope(
        type="greeting",
        version=1,
        identity="ann",
        generation=2,
        attempt=3,
        park=4,
        accepted_at=ACCEPTED,
        trace=TRACE,
        payload=b"[1]",
    )


@pytest.mark.parametrize("payload", [b"", b"{}\n", b' {"a" : 1.50}\r\n\n', b"\xff\x00 no JSON at all"])
def test_the_payload_travels_byte_for_byte(payload: bytes) -> None:
    envelope = Envelope.decode(body(payload))
    assert envelope.payload == payload
    assert Envelope.decode(envelope.at(Position(attempt=9, park=9)).encode()).payload == payload


def test_unknown_outer_fields_are_ignored() -> None:
    assert Envelope.decode(body(priority="high")) == Envelope.decode(body())


def test_accepted_at_is_a_moment_whatever_its_time_zone() -> None:
    east = ACCEPTED.astimezone(timezone(timedelta(hours=9)))
    read = Envelope.decode(Envelope.seal(GreetingV1(who="Ann"), accepted_at=east).encode())
    assert read.accepted_at == ACCEPTED


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"", "no payload line"),
        (b'{"type": "greeting"}', "no payload line"),
        (b"\n{}", "'first line'"),
        (b"\xff\xfe\n{}", "'first line'"),
        (b"[]\n{}", "'first line'"),
        (b"[" * 100_000 + b"\n{}", "'first line'"),
        (b"{}\n{}", "'type': Field required"),
        (body(type=""), "'type'"),
        (body(type="t" * 64), "'type'"),
        (body(version=0), "'version'"),
        (body(version="new"), "'version'"),
        (body(identity=""), "'identity'"),
        (body(identity="i" * 501), "'identity'"),
        (body(generation=-1), "'generation'"),
        (body(attempt=0), "'attempt'"),
        (body(park=-1), "'park'"),
        (body(accepted_at="yesterday"), "'accepted_at'"),
        (body(accepted_at="2026-01-02T03:04:05"), "'accepted_at'"),
        (body(trace=7), "'trace'"),
    ],
)
def test_a_bad_body_is_undecodable_names_the_field_and_keeps_the_bytes(raw: bytes, complaint: str) -> None:
    with pytest.raises(Undecodable, match=complaint) as caught:
        Envelope.decode(raw)
    assert caught.value.raw == raw
    assert complaint in caught.value.detail


def test_a_bad_body_is_not_quoted_in_the_message() -> None:
    with pytest.raises(Undecodable) as caught:
        Envelope.decode(body(version="secret"))
    assert "secret" not in str(caught.value)


def test_opening_needs_a_registered_type() -> None:
    with pytest.raises(UnknownTask, match="'greeting'"):
        sealed().open(TaskRegistry([]))


def test_opening_needs_code_that_is_new_enough() -> None:
    newer = Envelope.seal(GreetingV3(first="Ann", last="Lee", language="de"), accepted_at=ACCEPTED)
    with pytest.raises(NewerVersion, match="version 3, this code knows up to 1"):
        newer.open(TaskRegistry([GreetingV1]))


def test_opening_reads_older_versions() -> None:
    task = Envelope.decode(sealed().encode()).open(TaskRegistry([GreetingV3]))
    assert task == GreetingV3(first="Ann", last="Lee", language="en")


def test_later_positions_compare_greater() -> None:
    ordered = [Position(attempt=a, park=p) for a, p in [(1, 0), (1, 1), (1, 10), (2, 0), (2, 3), (10, 0)]]
    assert all(earlier < later and later > earlier for earlier, later in pairwise(ordered))
    assert not Position(attempt=2, park=0) < Position(attempt=2, park=0)


def test_another_position_changes_the_task_and_not_the_event() -> None:
    first = sealed()
    later = first.at(Position(attempt=2, park=5))
    assert later.position == Position(attempt=2, park=5)
    assert later.task_id == task_id("greeting", "Ann%20Lee", 0, 2, 5) != first.task_id
    assert later.delivery_id == first.delivery_id == delivery_id("greeting", "Ann%20Lee")
    assert (later.accepted_at, later.generation) == (first.accepted_at, first.generation)


def test_a_replay_starts_anew_under_the_same_delivery_id() -> None:
    worn = sealed().at(Position(attempt=8, park=3))
    now = ACCEPTED + timedelta(days=3)
    again = worn.replayed(4, now)
    assert (again.generation, again.position, again.accepted_at) == (4, Position(attempt=1, park=0), now)
    assert again.payload == worn.payload
    assert again.delivery_id == worn.delivery_id
    assert again.task_id == task_id("greeting", "Ann%20Lee", 4, 1, 0)
