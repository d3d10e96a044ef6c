"""Identities tell events apart, and the names made from them follow every part."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import InvalidTask, delivery_id, identity_of, task_id
from contracts.identity import MAX_IDENTITY

PARTS = st.lists(st.text(alphabet="a/%2F:é😀", min_size=1, max_size=3), min_size=1, max_size=4)


@given(PARTS)
def test_an_identity_gives_its_parts_back_so_that_no_two_lists_share_one(parts: list[str]) -> None:
    assert [unquote(part) for part in identity_of(*parts).split("/")] == parts


@given(PARTS, PARTS)
def test_the_identities_of_two_lists_differ_as_the_lists_do(one: list[str], other: list[str]) -> None:
    assert (identity_of(*one) == identity_of(*other)) == (one == other)


def test_separators_inside_parts_are_escaped() -> None:
    assert identity_of("a/b", "c%2F") == "a%2Fb/c%252F"
    assert identity_of("a", "b") != identity_of("a/b")


def test_numbers_are_parts() -> None:
    assert identity_of("stream", 7) == "stream/7"


@pytest.mark.parametrize(("parts", "place"), [(("",), 0), (("uid", ""), 1), (("", "uid"), 0)])
def test_an_empty_part_is_refused(parts: tuple[str, ...], place: int) -> None:
    with pytest.raises(InvalidTask, match=f"part {place} of the identity"):
        identity_of(*parts)


def test_no_part_at_all_is_refused() -> None:
    with pytest.raises(InvalidTask, match="has no parts"):
        identity_of()


def test_the_limit_counts_escaped_characters() -> None:
    assert len(identity_of("a" * MAX_IDENTITY)) == MAX_IDENTITY
    with pytest.raises(InvalidTask, match=f"{MAX_IDENTITY + 1} characters"):
        identity_of("a" * (MAX_IDENTITY + 1))
    with pytest.raises(InvalidTask, match="use the event's id"):
        identity_of("/" * (MAX_IDENTITY // 3 + 1))


def test_a_task_id_is_equal_for_equal_arguments_and_differs_in_each() -> None:
    ids = {
        task_id("greeting", "ann", 0, 1, 0),
        task_id("farewell", "ann", 0, 1, 0),
        task_id("greeting", "bob", 0, 1, 0),
        task_id("greeting", "ann", 1, 1, 0),
        task_id("greeting", "ann", 0, 2, 0),
        task_id("greeting", "ann", 0, 1, 1),
    }
    assert len(ids) == 6
    assert task_id("greeting", "ann", 0, 1, 0) in ids
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_a_task_id_does_not_run_its_arguments_together() -> None:
    assert task_id("greeting", "ann", 1, 11, 0) != task_id("greeting", "ann", 11, 1, 0)
    assert task_id("a", "bc", 0, 1, 0) != task_id("ab", "c", 0, 1, 0)


def test_task_ids_are_the_same_in_every_release() -> None:
    """Names of tasks in flight: another hash would enqueue what is enqueued already."""
    assert task_id("greeting", "ann", 0, 1, 0) == "debbee42f78b31fe691ae0995de67ca9"
    assert delivery_id("greeting", "ann") == "msg_634d4db427bf5d4502b173f4a270047a"


def test_a_delivery_id_follows_type_and_identity() -> None:
    ids = {delivery_id("greeting", "ann"), delivery_id("greeting", "bob"), delivery_id("farewell", "ann")}
    assert len(ids) == 3
