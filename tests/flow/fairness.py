"""Targets of which some die and some are slow, in virtual time: real pipeline, ledger and emulator.

Figures alone; who runs it says what they must be.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from contracts import load_catalog
from emulator import VirtualClock
from emulator.engine.clock import sleep_until
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from tests.flow.letters import Letter
from tests.flow.virtual_stage import virtual_stage

TARGETS = 40
ANSWER = 0.05
"""Seconds that a healthy target takes."""
SLOW_ANSWER = 10.0


@dataclass
class Run:
    """What was seen of one run."""

    due: dict[str, float] = field(default_factory=dict)
    """When each letter to a healthy target was due, by identity."""
    took: list[float] = field(default_factory=list)
    """Seconds from then until it was delivered."""
    most_at_once: int = 0
    """Attempts under way."""

    def p99(self) -> float:
        return sorted(self.took)[int(len(self.took) * 0.99)]


async def run(folder: Path, catalog: str, *, ill: int, per_second: float, seconds: float, seed: int) -> Run:
    """Letters to all targets at random; the first `ill` of them are dead, as many again are slow.

    At the end all are well, so that the queues drain.
    """
    clock, chance = VirtualClock(), random.Random(seed)
    seen, at_once = Run(), 0
    well_at = clock.now() + seconds
    file = folder / "queues.yaml"
    await asyncio.to_thread(file.write_text, catalog)
    queues = await asyncio.to_thread(load_catalog, file)

    async def effect(letter: Letter, _: Delivery) -> End:
        nonlocal at_once
        number, is_ill = int(letter.to), clock.now() < well_at
        is_slow = is_ill and ill <= number < 2 * ill
        at_once += 1
        seen.most_at_once = max(seen.most_at_once, at_once)
        stage.emulator.faults.delayed += 1  # a drain lets the clock go on while this waits for it
        try:
            await sleep_until(clock, clock.now() + (SLOW_ANSWER if is_slow else ANSWER))
        finally:
            stage.emulator.faults.delayed -= 1
            at_once -= 1
        if number < ill and is_ill:
            return TargetFailed("answered 503")
        if number >= 2 * ill:
            seen.took.append(clock.now() - seen.due[letter.identity()])
        return Returned()

    async with virtual_stage(folder, queues, effect, clock=clock, chance=chance) as stage:
        began = stage.now()
        for number in range(int(per_second * seconds)):
            at = began + timedelta(seconds=number / per_second)
            letter = Letter(to=str(chance.randrange(TARGETS)), number=number)
            seen.due[letter.identity()] = at.timestamp()
            await stage.producer.enqueue(letter, schedule_at=at)
        await stage.emulator.drain(timeout=100)
    return seen
