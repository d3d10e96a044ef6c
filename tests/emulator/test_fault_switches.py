"""Fault switches at work: on what is sent, on the order of dispatch, and on a store that dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from emulator import Failure, FailureReason, HttpRequest, Response, StoreError, VirtualClock
from emulator.engine.faults import Crash, CrashPoint, Faults
from emulator.fault_switches import MAX_NAMED, FaultSwitches, FaultySender, stop_writing
from emulator.store import Store
from tests.emulator.running import QUEUE
from tests.emulator.target import Target
from tests.emulator.test_store import SCHEMA, insert, texts

REQUEST = HttpRequest(method="POST", url="http://t.example/", headers={}, body=b"", source=QUEUE)


def never() -> None:
    raise AssertionError("no crash was switched on")


@pytest.fixture
def switches() -> FaultSwitches:
    return FaultSwitches(random.Random(1), die=never)


@pytest.fixture
def sender(switches: FaultSwitches, target: Target, clock: VirtualClock) -> FaultySender:
    return FaultySender(target, switches, clock)


async def test_a_duplicate_is_sent_twice_and_ends_once(
    switches: FaultSwitches, sender: FaultySender, target: Target
) -> None:
    switches.set(Faults(duplicate=1))
    target.will_answer([201, 500])
    assert await sender.send(REQUEST, 10) == Response(201)
    assert target.requests == [REQUEST, REQUEST]
    assert switches.statistics().duplicated_total == 1


async def test_what_is_dropped_or_refused_does_not_reach_the_target(
    switches: FaultSwitches, sender: FaultySender, target: Target
) -> None:
    switches.set(Faults(drop=1))
    end = await sender.send(REQUEST, 10)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT
    assert "a fault switch lost it" in end.detail
    switches.set(Faults(error_5xx=1))
    assert await sender.send(REQUEST, 10) == Response(503)
    assert target.requests == []
    statistics = switches.statistics()
    assert (statistics.dropped_total, statistics.refused_total) == (1, 1)


async def test_a_delay_holds_back_and_counts_towards_the_deadline(
    switches: FaultSwitches, sender: FaultySender, target: Target, clock: VirtualClock
) -> None:
    switches.set(Faults(delay=4))
    begin = clock.now()
    sending = asyncio.create_task(sender.send(REQUEST, 10))
    assert await clock.wait_for_timer() == begin + 4
    assert switches.statistics().delayed == 1
    assert target.requests == []
    clock.advance(4)
    assert await sending == Response(200)
    assert target.deadlines == [6]
    assert switches.statistics().delayed == 0
    late = asyncio.create_task(sender.send(REQUEST, 3))
    assert await clock.wait_for_timer() == begin + 7
    clock.advance(3)
    end = await late
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT
    assert len(target.requests) == 1


async def test_faults_are_of_one_name_or_of_all_and_can_be_cleared(
    switches: FaultSwitches, sender: FaultySender, target: Target
) -> None:
    switches.set(Faults(drop=1))
    switches.set(Faults(), QUEUE)
    assert await sender.send(REQUEST, 10) == Response(200)
    switches.clear(QUEUE)
    assert isinstance(await sender.send(REQUEST, 10), Failure)
    switches.clear()
    assert await sender.send(REQUEST, 10) == Response(200)


def test_names_with_faults_are_bounded(switches: FaultSwitches) -> None:
    for number in range(MAX_NAMED):
        switches.set(Faults(drop=1), f"name {number}")
    switches.set(Faults(drop=0.5), "name 0")
    with pytest.raises(ValueError, match="clear those of some first"):
        switches.set(Faults(drop=1), "one more")
    assert switches.statistics().named == MAX_NAMED


Opening = Callable[[FaultSwitches], Store]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opening]:
    stores: list[Store] = []

    def make(switches: FaultSwitches) -> Store:
        stores.append(Store(tmp_path / "notes.db", schema=SCHEMA, at_write=switches.at_write))
        return stores[-1]

    yield make
    for store in stores:
        await store.aclose()


@pytest.mark.parametrize(
    ("point", "kept"), [(CrashPoint.BEFORE_COMMIT, ["a"]), (CrashPoint.AFTER_COMMIT, ["a", "b"])]
)
async def test_a_store_crashes_at_the_write_and_point_it_was_told(
    opened: Opening, point: CrashPoint, kept: list[str]
) -> None:
    switches = FaultSwitches(random.Random(1), die=stop_writing)
    store = opened(switches)
    await store.open()
    switches.set_crash(Crash(at=point, nth_write=2))
    await store.write(insert("a"))
    for text in ("b", "c"):
        with pytest.raises(StoreError, match="a fault switch let the emulator crash"):
            await store.write(insert(text))
    await store.aclose()
    again = opened(FaultSwitches(random.Random(1), die=never))
    await again.open()
    assert await again.read(texts) == kept


async def test_a_store_crashes_by_rate(opened: Opening) -> None:
    switches = FaultSwitches(random.Random(1), die=stop_writing)
    store = opened(switches)
    await store.open()
    switches.set_crash(Crash(at=CrashPoint.AFTER_COMMIT, rate=0.1))
    writes = [await asyncio.gather(store.write(insert(str(n))), return_exceptions=True) for n in range(100)]
    written = [result for (result,) in writes if not isinstance(result, StoreError)]
    assert 0 < len(written) < 50
    assert written == list(range(1, len(written) + 1))
    assert switches.plan.crash is None
