"""Equal calls at once are one call: one result, one failure, and nobody's leaving takes it from others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from lanes import SingleFlight


@dataclass
class Source:
    """Answers when a test says so."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    cancelled: int = 0
    error: Exception | None = None

    async def call(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return number


async def turns() -> None:
    """Of the loop, enough for everybody to begin."""
    for _ in range(3):
        await asyncio.sleep(0)


async def waiting(flights: SingleFlight[int], source: Source, count: int) -> list[asyncio.Task[int]]:
    callers = [asyncio.create_task(flights.run("k", source.call)) for _ in range(count)]
    await turns()
    assert flights.statistics().waiting == count
    return callers


async def test_all_get_the_result_of_one_call() -> None:
    flights: SingleFlight[int] = SingleFlight()
    source = Source()
    callers = await waiting(flights, source, 5)
    source.released.set()
    assert await asyncio.gather(*callers) == [1] * 5
    statistics = flights.statistics()
    assert (statistics.joined, statistics.under_way, statistics.waiting) == (4, 0, 0)
    assert await flights.run("k", source.call) == 2, "nothing is remembered"


async def test_all_get_the_failure_of_one_call() -> None:
    flights: SingleFlight[int] = SingleFlight()
    source = Source(error=ValueError("no"))
    callers = await waiting(flights, source, 3)
    source.released.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 3
    assert source.calls == 1


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    flights: SingleFlight[int] = SingleFlight()
    source = Source()
    first, second = await waiting(flights, source, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.released.set()
    assert await second == 1
    assert (source.calls, source.cancelled) == (1, 0)


async def test_a_call_ends_with_its_last_caller_and_is_joined_by_nobody_then() -> None:
    flights: SingleFlight[int] = SingleFlight()
    source = Source()
    callers = await waiting(flights, source, 2)
    assert source.calls == 1
    for caller in callers:
        caller.cancel()
    source.released.set()
    with pytest.raises(asyncio.CancelledError):
        await callers[0]
    assert await flights.run("k", source.call) == 2
    assert source.cancelled == 1


async def test_different_keys_are_different_calls() -> None:
    flights: SingleFlight[int] = SingleFlight()
    source = Source()
    source.released.set()
    assert sorted(await asyncio.gather(*(flights.run(key, source.call) for key in "ab"))) == [1, 2]


async def test_beyond_its_bound_each_calls_for_itself() -> None:
    flights: SingleFlight[int] = SingleFlight(max_keys=1)
    source = Source()
    (first,) = await waiting(flights, source, 1)
    others = [asyncio.create_task(flights.run("other", source.call)) for _ in range(2)]
    await turns()
    assert flights.statistics().alone == 2
    source.released.set()
    assert sorted(await asyncio.gather(first, *others)) == [1, 2, 3]
