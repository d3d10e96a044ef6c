"""A third party is tried again as long as it asks and as there is time; nobody sleeps past the deadline."""

from __future__ import annotations

import asyncio

import pytest

from producers import ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow
from producers.patience import ATTEMPTS, patiently


class Party:
    """Fails as listed, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0
        self.slept: list[float] = []

    async def call(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def ask(self, deadline: float = 10) -> str:
        return await patiently(self.call, party="X", deadline=deadline, sleep=self.sleep, luck=lambda: 0.5)


async def test_pauses_grow_where_nothing_was_asked_for() -> None:
    party = Party(ThirdPartyFailed("X", "500"), ThirdPartyFailed("X", "500"))
    assert await party.ask() == "answer"
    assert party.slept == [0.25, 0.5]


async def test_what_it_asks_for_is_waited_for() -> None:
    party = Party(ThirdPartyBusy("X", "503", wait=3), ThirdPartyBusy("X", "503", wait=5))
    assert await party.ask() == "answer"
    assert party.slept == [3, 5]


async def test_what_goes_beyond_the_deadline_is_not_waited_for() -> None:
    party = Party(ThirdPartyBusy("X", "429", wait=30))
    with pytest.raises(ThirdPartyBusy) as busy:
        await party.ask()
    assert (busy.value.wait, party.slept, party.calls) == (30, [], 1)


async def test_tries_are_numbered_and_bugs_are_not_tried_again() -> None:
    party = Party(*(ThirdPartyFailed("X", str(number)) for number in range(9)))
    with pytest.raises(ThirdPartyFailed, match=str(ATTEMPTS - 1)):
        await party.ask()
    assert party.calls == ATTEMPTS
    bug = Party(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await bug.ask()
    assert bug.calls == 1


async def test_a_try_that_hangs_ends_at_the_deadline() -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(ThirdPartySlow, match="all tries"):
        await patiently(hang, party="X", deadline=0.05)
