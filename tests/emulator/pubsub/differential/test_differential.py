"""The same scenarios on Google's own emulator and on ours see the same, but for the listed differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.emulator.pubsub.differential.differences import DIFFERENCES, Difference
from tests.emulator.pubsub.differential.google_emulator import google_emulator, why_missing
from tests.emulator.pubsub.differential.scenarios import SCENARIOS
from tests.emulator.pubsub.differential.session import session
from tests.emulator.running import Running


@pytest.mark.skipif(why_missing() is not None, reason=str(why_missing()))
@pytest.mark.timeout(180)
async def test_both_emulators_show_the_same(running: Running) -> None:
    unlisted: list[str] = []
    met: set[Difference] = set()
    async with google_emulator() as googles, running() as emulator:
        for name, scenario in SCENARIOS.items():
            seen: list[dict[str, Any]] = []
            for address in (googles, emulator.addresses.pubsub):
                async with session(address, f"differential-{name.replace('_', '-')}") as on:
                    seen.append(dict(_fields(await scenario(on), name)))
            google, ours = seen
            for place in google | ours:
                if google.get(place) == ours.get(place):
                    continue
                covering = {difference for difference in DIFFERENCES if difference.covers(place)}
                met |= covering
                if not covering:
                    unlisted.append(f"{place}: Google's {google.get(place)!r}, ours {ours.get(place)!r}")
    assert not unlisted, "\n".join(unlisted)
    assert set(DIFFERENCES) - met == set()  # none is listed that is no more


def _fields(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """What was seen, by its place: `scenario: step: field`."""
    if isinstance(value, Mapping):
        yield place, "something"
        for key, inner in value.items():
            yield from _fields(inner, f"{place}: {key}")
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value):
            yield from _fields(inner, f"{place}: {number}")
    else:
        yield place, value
