"""A target is dead for half an hour: its tasks come back spread out, delay nobody, and drain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.park_storm import Storm, storm


def check(seen: Storm) -> None:
    """At most 50 dispatches in the time of 40 slots, drained in 1.2 times the ideal, others undelayed.

    Ten thousand tasks at 40 a second are what is promised; fewer at a lower rate are the same in slow motion.
    """
    assert seen.most_within(40 / seen.per_second) <= 50
    assert seen.drained_in() <= 1.2 * seen.ideal
    assert seen.worst_delay_of_others() <= 0.01
    assert set(seen.statuses) == {200}
    others = {each.number for each in seen.dispatches if each.to != "dead"}
    assert len(seen.delivered) == seen.tasks + len(others)
    assert set(seen.delivered.values()) == {1}


@pytest.mark.timeout(120)
async def test_a_thousand_parked_tasks(tmp_path: Path) -> None:
    """`make soak` has the ten thousand."""
    check(await storm(tmp_path, tasks=1_000, per_second=1.0, seed=1, timeout=110))
