"""`sidelane reconcile`: what was lost goes on, on a real database and a real emulator."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from contracts import Position, load_catalog
from stores import Key, Outcome, OutcomeKind
from stores.sqlite import open_sqlite
from tests.cli.test_dead import ENVELOPE
from tests.emulator_fixture import running_emulator
from tests.stores.starts import start

QUEUES_FILE = Path("infra/terraform/queues.yaml")
SECOND = Position(attempt=2, park=0)


async def test_a_lost_retry_is_enqueued_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "stores.sqlite3"
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    retry = Outcome(
        kind=OutcomeKind.RETRY, reason="target-failed", decided_at=long_ago, due=long_ago, next=SECOND
    )
    async with open_sqlite(database) as stores:
        await stores.ledger.record(start(Key.of(ENVELOPE), at=long_ago), retry, ENVELOPE.encode())
    catalog = await asyncio.to_thread(load_catalog, QUEUES_FILE)
    async with running_emulator(catalog, tmp_path / "emulator") as emulator:
        await emulator.pause(catalog)
        monkeypatch.setenv("SIDELANE_DATABASE", str(database))
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.addresses.tasks)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.addresses.pubsub)
        first = await asyncio.to_thread(CliRunner().invoke, app, ["reconcile"])
        again = await asyncio.to_thread(CliRunner().invoke, app, ["reconcile"])
        (name,) = await emulator.task_names("developer-webhooks-retry")
        assert name.endswith(ENVELOPE.at(SECOND).task_id)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.output.startswith("redone 1, already there 0, failed 0; the oldest was overdue for 1:00:0")
    assert again.output.startswith("redone 0, already there 1, failed 0; ")


def test_without_a_database_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_DATABASE", str(tmp_path / "nowhere.sqlite3"))
    result = CliRunner().invoke(app, ["reconcile"])
    assert result.exit_code == 2
    assert "set SIDELANE_DATABASE" in result.output
