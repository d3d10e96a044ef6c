"""The collector leaves a service's own objects alone while it runs, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from lanes import LanesSettings, Telemetry, open_lanes


@pytest.fixture
def before() -> Iterator[tuple[int, int, int]]:
    assert gc.get_freeze_count() == 0
    yield gc.get_threshold()
    assert gc.get_freeze_count() == 0


async def test_what_was_there_before_is_not_looked_through(before: tuple[int, int, int]) -> None:
    mine = [object()]  # a container, as the collector tracks them
    settings = LanesSettings(settle_heap=True, refuse_default_executor=False, drain_seconds=0)
    async with open_lanes(settings, Telemetry()):
        assert not any(each is mine for each in gc.get_objects())
        assert gc.get_threshold()[0] > before[0]
        later = [object()]
        assert any(each is later for each in gc.get_objects())
    assert any(each is mine for each in gc.get_objects())
    assert gc.get_threshold() == before


async def test_a_loop_that_others_share_is_left_as_it_is(before: tuple[int, int, int]) -> None:
    async with open_lanes(LanesSettings(refuse_default_executor=False, drain_seconds=0), Telemetry()):
        assert gc.get_freeze_count() == 0
        assert gc.get_threshold() == before


def test_it_is_so_on_cloud_run_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not LanesSettings().heap_settles
    monkeypatch.setenv("K_SERVICE", "handlers")
    assert LanesSettings().heap_settles
    monkeypatch.setenv("SIDELANE_SETTLE_HEAP", "false")
    assert not LanesSettings().heap_settles
