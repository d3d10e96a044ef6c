"""The proof that the test can fail: each planted blocker must be caught, by what it should be caught by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.load.downstream import Fault
from tests.load.parked import TARGET, faulty, judge_parked
from tests.load.ratio import judge_ratio
from tests.load.stage import staged
from tests.load.verdicts import Assertion, Verdicts


@dataclass(frozen=True, slots=True)
class Blocker:
    """`caught_by` at least; `says` is how its requests end, where that is what helps its author."""

    caught_by: frozenset[Assertion]
    says: str | None = None


HANG = 3.0
"""Seconds: less than elsewhere, since nearly everything hangs."""

BLOCKERS: Mapping[str, Blocker] = {
    "requests": Blocker(frozenset({Assertion.CAUSAL, Assertion.RATIO, Assertion.LAG})),
    "join": Blocker(frozenset({Assertion.CAUSAL, Assertion.RATIO, Assertion.LAG})),
    "sleep": Blocker(frozenset({Assertion.LAG})),
    "to-thread": Blocker(frozenset({Assertion.CAUSAL, Assertion.ISOLATION})),
    "same-pool": Blocker(frozenset({Assertion.CAUSAL}), says="502 SamePoolWait"),
    "same-plain-pool": Blocker(frozenset({Assertion.CAUSAL, Assertion.RECOVERY})),
}


async def judge_blocker(way: str, *, loop: str) -> Verdicts:
    verdicts = Verdicts(way)
    async with staged(verdicts, loop=loop, way=way, hang=HANG) as stage:
        async with faulty(stage, TARGET, Fault.BEFORE_HEADERS) as held:
            await judge_parked(held)
        await judge_ratio(stage)
    return verdicts


def missed(way: str, verdicts: Verdicts) -> list[str]:
    """What should have caught the blocker and did not; of one that passed, everything."""
    blocker = BLOCKERS[way]
    lacks = [f"{assertion} held" for assertion in sorted(blocker.caught_by - verdicts.failed)]
    if blocker.says is not None and blocker.says not in verdicts.said:
        lacks.append(f"no request ended in {blocker.says}")
    return lacks
