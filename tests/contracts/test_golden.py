"""Envelopes as released code wrote them: every version of this code must still read them.

The files in `golden/` are never edited, whatever changes: they stand for tasks that are in a queue or
among the dead letters right now. A new version of a task type adds files and keeps the old ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import TASK_TYPES, Envelope, Task, TaskRegistry
from tests.contracts.golden_app_webhooks import APP_WEBHOOKS
from tests.contracts.golden_geocoding import GEOCODING
from tests.contracts.golden_notifications import NOTIFICATIONS
from tests.contracts.golden_speech import SPEECH
from tests.contracts.golden_webhooks import WEBHOOKS

GOLDEN = Path(__file__).parent / "golden"
EXPECTED: dict[str, tuple[Envelope, Task]] = {
    **APP_WEBHOOKS,
    **WEBHOOKS,
    **NOTIFICATIONS,
    **GEOCODING,
    **SPEECH,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_envelope_is_still_read(name: str) -> None:
    outer, task = EXPECTED[name]
    envelope = Envelope.decode((GOLDEN / name).read_bytes())
    assert envelope.model_copy(update={"payload": b""}) == outer
    assert envelope.open(TaskRegistry(TASK_TYPES)) == task


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_identity_is_still_the_identity(name: str) -> None:
    """Identities are keys of the ledger: another spelling would deliver again what was delivered."""
    outer, task = EXPECTED[name]
    assert task.identity() == outer.identity


def test_every_released_envelope_is_tested() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == EXPECTED.keys()


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_every_version_of_every_type_has_a_released_envelope(task_type: type[Task]) -> None:
    released = {(outer.type, outer.version) for outer, _ in EXPECTED.values()}
    assert {(task_type.name, version) for version in range(1, task_type.version + 1)} <= released
