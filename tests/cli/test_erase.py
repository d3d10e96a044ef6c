"""`sidelane erase` and `sidelane blobs`: what an operator of one machine sees of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from contracts import BlobReference, DeadLetter, Envelope
from stores import Endpoint, SigningKey
from stores.blob_location import open_blobs
from stores.sqlite import open_sqlite

NOW = datetime.now(UTC)
NEEDED, UNNEEDED = b"needed", b"unneeded"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a machine with two expired blobs, one of them of an open dead letter, and an endpoint."""
    monkeypatch.setenv("SIDELANE_DATABASE", str(tmp_path / "stores.sqlite3"))
    monkeypatch.setenv("SIDELANE_BLOBS", str(tmp_path / "blobs"))

    async def fill() -> None:
        async with (
            open_sqlite(tmp_path / "stores.sqlite3") as stores,
            open_blobs(str(tmp_path / "blobs"), project="p") as blobs,
        ):
            for payload in (NEEDED, UNNEEDED):
                reference = BlobReference.of(payload, owner="u1")
                await blobs.put(reference, payload, keep_until=NOW - timedelta(days=1))
            envelope = Envelope(
                type="developer-webhook",
                version=1,
                identity="i",
                accepted_at=NOW,
                payload=BlobReference.of(NEEDED, owner="u1").encode(),
            )
            await stores.dead_letters.add(
                DeadLetter.of(
                    envelope,
                    queue="developer-webhooks",
                    target="t",
                    owner="u1",
                    reason="gone",
                    detail="",
                    died_at=NOW - timedelta(days=200),
                )
            )
            await stores.directory.put_endpoint(
                Endpoint(
                    uid="u1",
                    kind="memory_created",
                    url="https://a.example",
                    keys=(SigningKey(secret="whsec_a"),),
                )
            )

    asyncio.run(fill())
    return tmp_path / "blobs"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def files(folder: Path) -> int:
    return sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))


def test_a_sweep_keeps_what_an_open_dead_letter_needs(folder: Path) -> None:
    assert "1 open dead letters; removed 1 blobs" in run("blobs", "sweep").output
    assert files(folder) == 1
    assert "removed 0 blobs" in run("blobs", "sweep").output


def test_a_user_is_erased_once_and_counted(folder: Path) -> None:
    told = run("erase", "u1", "--dry-run").output
    assert "endpoints: 1\n" in told
    assert "would erase 4 in all" in told
    assert files(folder) == 2
    assert "erased 4 in all" in run("erase", "u1").output
    assert files(folder) == 0
    assert "erased 0 in all" in run("erase", "u1").output


def test_an_erasure_of_nobody_is_refused(folder: Path) -> None:
    result = run("erase", "")
    assert (result.exit_code, "name the user" in result.output) == (2, True)
    assert files(folder) == 2
