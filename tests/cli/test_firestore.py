"""Commands on a database of Firestore, named as the handlers' own is."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from cli.endpoints import app
from stores import Endpoint
from tests.firestore_emulator import Firestore


@pytest.fixture
def named(firestore: Firestore, monkeypatch: pytest.MonkeyPatch) -> Firestore:
    monkeypatch.setenv("SIDELANE_DATABASE", "firestore:(default)")
    monkeypatch.setenv("SIDELANE_PROJECT", firestore.name)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.host)
    return firestore


async def endpoint(firestore: Firestore) -> Endpoint | None:
    async with firestore.open() as stores:
        return await stores.directory.endpoint("u1", "memory_created")


def test_an_endpoint_is_added_and_listed(named: Firestore) -> None:
    added = CliRunner().invoke(app, ["add", "u1", "memory_created", "https://example.com/hook"])
    assert added.exit_code == 0, added.output
    listed = CliRunner().invoke(app, ["list", "--json"])
    assert json.loads(listed.output)["url"] == "https://example.com/hook"
    kept = asyncio.run(endpoint(named))
    assert kept is not None
    assert kept.keys[0].secret == added.output.strip()


def test_a_database_that_is_away_is_one_line(named: Firestore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    asked = CliRunner().invoke(app, ["pause", "u1", "memory_created"])
    assert asked.exit_code == 2
    assert "no answer from 127.0.0.1:1 within 4 s" in asked.output
    assert asked.output.count("\n") == 1
