"""A seal opens once, in time, by a key that is still named, as what it was sealed; memory is bounded."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from pydantic import BaseModel

from producers import RequestRefused
from producers.sealed import MAX_OPENED, Seals


class Note(BaseModel):
    text: str


class Other(BaseModel):
    text: str


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


OLD, NEW = Fernet.generate_key(), Fernet.generate_key()


def test_it_opens_once_and_in_time() -> None:
    clock = Clock()
    seals = Seals(Note, [NEW], ttl=60, clock=clock)
    first, second = seals.seal(Note(text="a")), seals.seal(Note(text="a"))
    clock.now += 60
    assert seals.open_once(first) == Note(text="a")
    with pytest.raises(RequestRefused, match="already"):
        seals.open_once(first)
    clock.now += 2
    with pytest.raises(RequestRefused):
        seals.open_once(second)


def test_an_older_key_opens_until_it_is_gone() -> None:
    sealed = Seals(Note, [OLD], ttl=60).seal(Note(text="a"))
    assert Seals(Note, [NEW, OLD], ttl=60).open_once(sealed) == Note(text="a")
    with pytest.raises(RequestRefused):
        Seals(Note, [NEW], ttl=60).open_once(sealed)


@pytest.mark.parametrize("forged", ["", "x", "é", "A" * 20_000])
def test_what_is_no_seal_of_this_kind_opens_nothing(forged: str) -> None:
    seals = Seals(Note, [NEW], ttl=60)
    for each in (forged, Seals(Other, [NEW], ttl=60).seal(Other(text="a"))):
        with pytest.raises(RequestRefused):
            seals.open_once(each)
    assert seals.remembered == 0


def test_what_was_opened_is_forgotten_in_time_and_in_number() -> None:
    clock = Clock()
    seals = Seals(Note, [NEW], ttl=60, clock=clock)
    for _ in range(MAX_OPENED + 5):
        seals.open_once(seals.seal(Note(text="a")))
    assert seals.remembered == MAX_OPENED
    clock.now += 100
    seals.open_once(seals.seal(Note(text="a")))
    assert seals.remembered == 1
