"""Task types: strict where they are built, tolerant where they are read, with a way from old to new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError, create_model

from contracts import InvalidTask, NewerVersion, Task, Undecodable, Upcaster
from tests.contracts.tasks import GreetingV1, GreetingV2, GreetingV3, Place, split_name


def test_a_task_cannot_be_changed() -> None:
    task = GreetingV1(who="Ann")
    with pytest.raises(ValidationError, match="frozen"):
        task.who = "Bob"  # type: ignore[misc]  # the point of the test


def test_building_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="mood"):
        GreetingV1.model_validate({"who": "Ann", "mood": "happy"})


def test_reading_ignores_unknown_fields_at_every_depth() -> None:
    payload = b'{"who": "Ann", "mood": "happy", "place": {"street": "Main", "floor": 2}}'
    assert GreetingV1.from_payload(payload, 1) == GreetingV1(who="Ann", place=Place(street="Main"))


def test_a_payload_is_one_line_of_utf_8() -> None:
    payload = GreetingV1(who="Zoë\n").to_payload()
    assert b"\n" not in payload
    assert json.loads(payload.decode("utf-8")) == {"who": "Zoë\n", "place": None}


def test_identity_and_target_must_be_written() -> None:
    class Nameless(Task):
        name: ClassVar[str] = "nameless"
        queue: ClassVar[str] = "greetings"

    with pytest.raises(TypeError, match="identity"):
        Nameless()  # type: ignore[abstract]  # the point of the test


def test_the_route_is_the_queue_unless_a_type_says_otherwise() -> None:
    assert GreetingV1(who="Ann").route() == "greetings"


@pytest.mark.filterwarnings("ignore:Field name")
@pytest.mark.parametrize(
    "reserved",
    [
        *("name", "version", "queue", "alternate_queues", "upcasters"),
        *("identity", "target", "route", "to_payload", "from_payload"),
    ],
)
def test_a_field_cannot_take_a_name_of_the_task_type(reserved: str) -> None:
    fields: dict[str, Any] = {reserved: (str, "x")}
    with pytest.raises(InvalidTask, match=rf"Greedy\.{reserved} belongs to the task type"):
        create_model("Greedy", __base__=GreetingV1, **fields)


@pytest.mark.parametrize("bad", ["", "Greeting", "2nd", "a_b", "a b", "a\n", "g" * 64])
def test_a_type_needs_a_lower_case_name(bad: str) -> None:
    with pytest.raises(InvalidTask, match="lower-case letters, digits and hyphens"):

        class _Misnamed(GreetingV1):
            name: ClassVar[str] = bad


def test_a_type_needs_a_name() -> None:
    with pytest.raises(InvalidTask, match=r"name must be .*got None"):

        class _Unnamed(Task):
            queue: ClassVar[str] = "greetings"


def test_a_type_needs_a_queue() -> None:
    with pytest.raises(InvalidTask, match="queue is missing"):

        class _Queueless(Task):
            name: ClassVar[str] = "queueless"


@pytest.mark.parametrize("steps", [{}, {1: split_name}, {2: split_name}, {1: split_name, 3: split_name}])
def test_a_version_needs_an_upcaster_from_each_one_before(steps: Mapping[int, Upcaster]) -> None:
    with pytest.raises(InvalidTask, match=r"version 3 and needs upcasters from \[1, 2\]"):

        class _Skipping(GreetingV1):
            version: ClassVar[int] = 3
            upcasters: ClassVar[Mapping[int, Upcaster]] = steps


def test_upcasters_run_one_after_another() -> None:
    old = GreetingV1(who="Ann Lee", place=Place(street="Main")).to_payload()
    assert GreetingV2.from_payload(old, 1) == GreetingV2(first="Ann", last="Lee", place=Place(street="Main"))
    assert GreetingV3.from_payload(old, 1) == GreetingV3(
        first="Ann", last="Lee", language="en", place=Place(street="Main")
    )
    middle = GreetingV2(first="Ann", last="Lee").to_payload()
    assert GreetingV3.from_payload(middle, 2) == GreetingV3(first="Ann", last="Lee", language="en")


def test_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(NewerVersion) as caught:
        GreetingV2.from_payload(b"anything", 3)
    assert (caught.value.name, caught.value.version, caught.value.known) == ("greeting", 3, 2)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"{}", "field 'who': Field required"),
        (b'{"who": 7}', "field 'who'"),
        (b'{"who": "Ann", "place": {}}', r"field 'place.street': Field required"),
    ],
)
def test_a_bad_payload_is_undecodable_and_kept(payload: bytes, complaint: str) -> None:
    with pytest.raises(Undecodable, match=f"'greeting' version 1 is not valid: .*{complaint}") as caught:
        GreetingV1.from_payload(payload, 1)
    assert caught.value.raw == payload


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'"Ann"', b"{}", b'{"who": null}', b'{"who": ' + b"[" * 100_000]
)
def test_a_bad_old_payload_is_undecodable_and_kept_as_it_was(payload: bytes) -> None:
    with pytest.raises(Undecodable, match="'greeting' version 1 is not valid") as caught:
        GreetingV3.from_payload(payload, 1)
    assert caught.value.raw == payload


def test_the_values_of_a_bad_payload_are_not_quoted() -> None:
    with pytest.raises(Undecodable) as caught:
        GreetingV1.from_payload(b'{"who": {"secret": 1}}', 1)
    assert "secret" not in str(caught.value)
