"""The count of the last minute."""

from __future__ import annotations

from emulator.engine.last_minute import LastMinute


def test_a_minute_later_nothing_counts() -> None:
    executed = LastMinute()
    for second in range(90):
        executed.add(1000.5 + second)
        executed.add(1000.7 + second)
    assert executed.count(1089.9) == 120
    assert executed.count(1119.9) == 60
    assert executed.count(1200) == 0
    assert len(executed._seconds) == 0
