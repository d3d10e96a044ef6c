"""A target dies under its tasks for half an hour, in virtual time: real pipeline, ledger and emulator.

Figures alone; who runs it says what they must be. Everything but time is real, and the attempts take none.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from contracts import Envelope
from emulator import HttpRequest, VirtualClock
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from tests.flow.letters import Letter, letters_catalog
from tests.flow.virtual_stage import virtual_stage

DEAD_FOR = 1800.0
"""Seconds."""
ARRIVE_IN = 25.0
"""Seconds in which the tasks of the dying target are accepted."""
OTHERS_EVERY = 10.0
"""Seconds between two tasks of other targets, from the first moment on."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    at: float
    """Seconds since the storm began."""
    to: str
    number: int
    queue: str
    parks: int
    attempt: int


@dataclass
class Storm:
    """What was seen."""

    tasks: int
    per_second: float
    """The rate of their target."""
    dispatches: list[Dispatch] = field(default_factory=list)
    failed: int = 0
    """Attempts that reached the dead target."""
    delivered: Counter[str] = field(default_factory=Counter)
    """By identity."""
    statuses: Counter[int] = field(default_factory=Counter)
    """What the handlers answered the queue."""

    def of_dead(self) -> Sequence[Dispatch]:
        return [each for each in self.dispatches if each.to == "dead"]

    def came_back(self) -> Sequence[float]:
        """When tasks of the dead target came back while it was dead: parked ones, and retries of probes."""
        return [each.at for each in self.of_dead() if each.queue == "letters-retry" and each.at < DEAD_FOR]

    def most_within(self, seconds: float) -> int:
        """The most of them in any stretch of so many seconds."""
        moments = self.came_back()
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def drained_in(self) -> float:
        """Seconds from the recovery to the last dispatch of the target."""
        return max(each.at for each in self.of_dead()) - DEAD_FOR

    @property
    def ideal(self) -> float:
        """Seconds that the tasks take at their target's rate; the `-retry` queue would let more through."""
        return self.tasks / self.per_second

    def worst_delay_of_others(self) -> float:
        """Seconds that a first attempt of another target came after it was due."""
        return max(each.at - OTHERS_EVERY * each.number for each in self.dispatches if each.to != "dead")

    def sentence(self) -> str:
        return (
            f"{self.tasks} tasks at {self.per_second:g} a second, their target dead for {DEAD_FOR:g} s: "
            f"{len(self.dispatches)} dispatches, "
            f"{len(self.came_back()) / DEAD_FOR:.3g} a second while dead and at most "
            f"{self.most_within(1.0)} in one, {self.failed} attempts failed, drained in "
            f"{self.drained_in():.0f} s of ideally {self.ideal:g}; first attempts of others were at most "
            f"{self.worst_delay_of_others() * 1000:.0f} ms late"
        )


async def storm(folder: Path, *, tasks: int, per_second: float, seed: int, timeout: float) -> Storm:
    """Let it pass, within `timeout` seconds of real time; `per_second` is the rate of each target."""
    clock = VirtualClock()
    dies_at, well_at = clock.now(), clock.now() + DEAD_FOR
    seen = Storm(tasks, per_second)
    catalog = await asyncio.to_thread(letters_catalog, folder / "queues.yaml", per_second)

    async def effect(letter: Letter, _: Delivery) -> End:
        if letter.to == "dead" and dies_at <= clock.now() < well_at:
            seen.failed += 1
            return TargetFailed("answered 503")
        seen.delivered[letter.identity()] += 1
        return Returned()

    def watch(request: HttpRequest) -> None:
        seen.dispatches.append(_dispatch(request, clock.now() - dies_at))

    async with virtual_stage(
        folder, catalog, effect, clock=clock, chance=random.Random(seed), watch=watch
    ) as stage:
        began = stage.now()
        for number in range(tasks):
            at = began + timedelta(seconds=ARRIVE_IN * number / tasks)
            await stage.producer.enqueue(Letter(to="dead", number=number), schedule_at=at)
        for number in range(int((DEAD_FOR + 2 * seen.ideal) / OTHERS_EVERY)):
            at = began + timedelta(seconds=OTHERS_EVERY * number)
            await stage.producer.enqueue(Letter(to=f"well-{number % 5}", number=number), schedule_at=at)
        await stage.emulator.drain(timeout=timeout)
        seen.statuses = stage.statuses
    return seen


def _dispatch(request: HttpRequest, at: float) -> Dispatch:
    envelope = Envelope.decode(request.body)
    letter = Letter.from_payload(envelope.payload, envelope.version)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Dispatch(
        at=at,
        to=letter.to,
        number=letter.number,
        queue=headers["x-cloudtasks-queuename"],
        parks=envelope.park,
        attempt=envelope.attempt,
    )
