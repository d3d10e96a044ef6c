"""Bulkheads: how many calls of one target go, wait and are refused."""

from __future__ import annotations

import asyncio

import pytest

from lanes import Bulkheads, BulkheadSettings, LaneClosed
from lanes.errors import BulkheadFull
from tests.lanes.virtual_time import run, settled


class Calls:
    """Calls that hold their places until they are told to end."""

    def __init__(self, bulkheads: Bulkheads) -> None:
        self._bulkheads = bulkheads
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.entered: list[str] = []

    async def start(self, *names: str, target: str = "a", max_wait: float | None = None) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._call(name, target, max_wait))
        await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await settled()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self.tasks[name].cancel()
        await settled()

    async def _call(self, name: str, target: str, max_wait: float | None) -> None:
        async with self._bulkheads.place(target, max_wait=max_wait):
            self.entered.append(name)
            await self._ends[name].wait()


async def test_a_full_target_refuses_at_once_and_another_does_not() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=2))
    calls = Calls(bulkheads)
    await calls.start("1", "2")
    with pytest.raises(BulkheadFull, match="2 calls under way"):
        async with bulkheads.place("a"):
            raise AssertionError("not reached")
    async with bulkheads.place("b"):
        assert bulkheads.statistics().in_flight == 3
    await calls.end("1")
    async with bulkheads.place("a"):
        pass
    await calls.end("2")
    assert bulkheads.statistics().refused_full == 1


async def test_who_waits_longest_goes_next() -> None:
    calls = Calls(Bulkheads(BulkheadSettings(max_concurrent=1, max_waiting=3)))
    await calls.start("1", "2", "3", "4")
    await calls.end("1")
    await calls.start("5")
    assert calls.entered == ["1", "2"]
    await calls.end("2", "3", "4", "5")
    assert calls.entered == ["1", "2", "3", "4", "5"]


async def test_the_waiting_are_bounded() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1, max_waiting=1))
    calls = Calls(bulkheads)
    await calls.start("1", "2")
    with pytest.raises(BulkheadFull, match="1 calls under way, 1 waiting"):
        async with bulkheads.place("a"):
            raise AssertionError("not reached")
    await calls.end("1", "2")


def test_a_wait_ends_at_its_deadline() -> None:
    waits: list[float] = []

    async def scenario() -> None:
        bulkheads = Bulkheads(
            BulkheadSettings(max_concurrent=1, max_waiting=2, max_wait=3), on_wait=waits.append
        )
        calls = Calls(bulkheads)
        await calls.start("1")
        with pytest.raises(BulkheadFull, match="none became free within 3 s"):
            async with bulkheads.place("a"):
                raise AssertionError("not reached")
        with pytest.raises(BulkheadFull, match=r"none became free within 0\.5 s"):
            async with bulkheads.place("a", max_wait=0.5):
                raise AssertionError("not reached")
        with pytest.raises(BulkheadFull, match="0 waiting"):
            async with bulkheads.place("a", max_wait=0):
                raise AssertionError("not reached")
        await calls.start("2")
        await asyncio.sleep(1)
        await calls.end("1", "2")
        statistics = bulkheads.statistics()
        assert (statistics.refused_late, statistics.refused_full, statistics.admitted) == (2, 1, 2)
        assert statistics.waited == 3
        assert statistics.waited_seconds == pytest.approx(4.5)

    run(scenario())
    assert waits == pytest.approx([0, 3, 0.5, 1])


async def test_a_cancelled_call_gives_back_its_place_or_its_turn() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1, max_waiting=5))
    calls = Calls(bulkheads)
    await calls.start("1", "2", "3", "4")
    await calls.cancel("2")
    await calls.cancel("1")
    assert calls.entered == ["1", "3"]
    assert bulkheads.statistics().waiting == 1
    await calls.end("3", "4")
    assert calls.entered == ["1", "3", "4"]
    assert bulkheads.statistics().targets == 0


async def test_a_place_that_comes_as_its_call_is_cancelled_goes_on_to_the_next() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1, max_waiting=5))
    calls = Calls(bulkheads)
    await calls.start("2", "3")
    first = bulkheads.place("b")
    await first.__aenter__()
    await calls.start("4", "5", target="b")
    await first.__aexit__(None, None, None)  # hands the place to 4, which has not run yet
    await calls.cancel("4")
    assert calls.entered == ["2", "5"]
    await calls.end("2", "3", "5")
    assert bulkheads.statistics().in_flight == 0


async def test_an_error_gives_the_place_back() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1))
    with pytest.raises(ZeroDivisionError):
        async with bulkheads.place("a"):
            raise ZeroDivisionError
    assert bulkheads.statistics().in_flight == 0


async def test_idle_targets_cost_nothing_and_busy_ones_are_bounded() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1, max_targets=2))
    for number in range(100):
        async with bulkheads.place(f"target {number}"):
            assert bulkheads.statistics().targets == 1
    async with bulkheads.place("a"), bulkheads.place("b"):
        with pytest.raises(BulkheadFull, match="2 other targets"):
            async with bulkheads.place("c"):
                raise AssertionError("not reached")
    statistics = bulkheads.statistics()
    assert (statistics.targets, statistics.refused_targets, statistics.admitted) == (0, 1, 102)


def test_another_event_loop_is_refused_loudly() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=1))

    async def use() -> None:
        async with bulkheads.place("a"):
            pass

    asyncio.run(use())
    with pytest.raises(LaneClosed, match="another event loop"):
        asyncio.run(use())


@pytest.mark.parametrize("settings", [{"max_concurrent": 0}, {"max_concurrent": 1, "max_waiting": -1}])
def test_settings_without_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        BulkheadSettings(**settings)


async def test_one_call_may_ask_for_fewer_places_than_others() -> None:
    bulkheads = Bulkheads(BulkheadSettings(max_concurrent=3))
    async with bulkheads.place("a"), bulkheads.place("a", max_concurrent=2):
        with pytest.raises(BulkheadFull, match="2 calls under way"):
            async with bulkheads.place("a", max_concurrent=2):
                raise AssertionError("not reached")
        async with bulkheads.place("a", max_concurrent=9):
            assert bulkheads.statistics().in_flight == 3
            with pytest.raises(BulkheadFull, match="3 calls under way"):
                async with bulkheads.place("a", max_concurrent=9):
                    raise AssertionError("not reached")
