"""Rotation of signing keys, and what an endpoint shows of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores import OVERLAP, Endpoint, SigningKey, TooManyKeys, rotated

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENDPOINT = Endpoint(
    uid="u", kind="memory_created", url="https://example.com/", keys=(SigningKey(secret="old"),)
)


def test_the_old_key_signs_beside_the_new_one_for_a_day() -> None:
    after = rotated(ENDPOINT, "new", now=NOW)
    assert after == replace(
        ENDPOINT,
        keys=(SigningKey(secret="new"), SigningKey(secret="old", not_after=NOW + timedelta(hours=24))),
    )
    last = NOW + OVERLAP - timedelta(microseconds=1)
    assert [key.signs_at(last) for key in after.keys] == [True, True]
    assert [key.signs_at(NOW + OVERLAP) for key in after.keys] == [True, False]


def test_a_second_rotation_lengthens_no_overlap_and_may_shorten_it() -> None:
    twice = rotated(rotated(ENDPOINT, "new", now=NOW), "newer", now=NOW + timedelta(hours=20))
    assert [key.not_after for key in twice.keys] == [
        None,
        NOW + timedelta(hours=44),
        NOW + timedelta(hours=24),
    ]
    hasty = rotated(twice, "newest", now=NOW + timedelta(hours=20), overlap=timedelta(hours=1))
    assert [key.not_after for key in hasty.keys] == [None, *[NOW + timedelta(hours=21)] * 3]


def test_a_stolen_key_leaves_at_once_and_an_expired_one_at_the_next_rotation() -> None:
    assert rotated(ENDPOINT, "new", now=NOW, overlap=timedelta(0)).keys == (SigningKey(secret="new"),)
    later = rotated(rotated(ENDPOINT, "new", now=NOW), "newer", now=NOW + OVERLAP)
    assert [key.secret for key in later.keys] == ["newer", "new"]


def test_a_key_that_comes_back_is_there_once() -> None:
    back = rotated(rotated(ENDPOINT, "new", now=NOW), "old", now=NOW)
    assert [(key.secret, key.not_after) for key in back.keys] == [("old", None), ("new", NOW + OVERLAP)]


def test_the_eleventh_key_that_would_sign_is_refused_with_two_ways_out() -> None:
    endpoint = ENDPOINT
    for number in range(9):
        endpoint = rotated(endpoint, str(number), now=NOW)
    with pytest.raises(TooManyKeys, match=r"keys: 11 would sign.*wait.*overlap of 0"):
        rotated(endpoint, "eleventh", now=NOW)
    assert len(rotated(endpoint, "eleventh", now=NOW, overlap=timedelta(0)).keys) == 1
    assert len(rotated(endpoint, "eleventh", now=NOW + OVERLAP).keys) == 2


rotations = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(days=3)), st.timedeltas(timedelta(0), timedelta(days=3))),
    max_size=9,
)


@given(rotations)
def test_a_receiver_with_the_newest_or_an_overlapping_key_is_never_locked_out(
    path: list[tuple[timedelta, timedelta]],
) -> None:
    endpoint, now = ENDPOINT, NOW
    for number, (pause, overlap) in enumerate(path):
        now += pause
        before = {key.secret for key in endpoint.keys if key.signs_at(now)}
        endpoint = rotated(endpoint, str(number), now=now, overlap=overlap)
        signing = {key.secret for key in endpoint.keys if key.signs_at(now)}
        assert signing == ({str(number)} | (before if overlap else set()))
        assert [key.secret for key in endpoint.keys if key.not_after is None] == [str(number)]
        assert not {key.secret for key in endpoint.keys if key.signs_at(now + overlap)} - {str(number)}


def test_keys_are_not_shown() -> None:
    secret = SigningKey(secret="whsec_c2VjcmV0")
    assert "c2VjcmV0" not in repr(secret) + str(secret) + repr(replace(ENDPOINT, keys=(secret,)))
