"""Imports: each conversation becomes an event, a bad file is its own fault, bombs end where they are."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from contracts import Catalog, ConversationCreated
from lanes import CRITICAL, DeadlineExceeded, Executor
from producers import ArchiveRefused
from producers.archives import ArchiveLimits
from producers.imports import MAX_FAULTS, import_conversations
from producers.testing import recording
from tests.producers.files.served import Served, away, occupy, served, until
from tests.producers.files.test_archives import zipped
from tests.producers.test_app import problem

IMPORTS = "/v1/users/ada/imports"


def conversation(id: str) -> bytes:
    return json.dumps(
        {"id": id, "created_at": "2026-05-01T09:00:00+02:00", "structured": {"title": f"about {id}"}}
    ).encode()


@pytest.fixture
async def critical() -> AsyncIterator[Executor]:
    executor = Executor(CRITICAL)
    await executor.open()
    yield executor
    await executor.aclose()


def archive(folder: Path, content: bytes) -> Path:
    path = folder / "archive.zip"
    path.write_bytes(content)
    return path


@pytest.fixture
def of_250(tmp_path: Path) -> Path:
    files = {f"{n}.json": conversation(f"c{n}") for n in range(130)}
    return archive(tmp_path, zipped({**files, **{f"bad{n}.json": b"{}" for n in range(120)}}))


async def test_every_conversation_is_told_and_faults_are_counted(
    critical: Executor, catalog: Catalog, of_250: Path
) -> None:
    async with recording(catalog) as told:
        report = await import_conversations(of_250, "ada", critical)
    assert (report.imported, report.failed, len(report.faults)) == (130, 120, MAX_FAULTS)
    assert report.faults[0].entry == "bad0.json"
    events = [event for event in told.events if isinstance(event, ConversationCreated)]
    assert {event.conversation.id for event in events} == {f"c{n}" for n in range(130)}
    assert {event.uid for event in events} == {"ada"}


async def test_an_archive_over_its_limits_tells_nothing(
    critical: Executor, catalog: Catalog, of_250: Path
) -> None:
    limits = ArchiveLimits(max_entries=9, max_entry_bytes=1_000, max_total_bytes=1_000)
    async with recording(catalog) as told:
        with pytest.raises(ArchiveRefused):
            await import_conversations(of_250, "ada", critical, limits=limits)
    assert not told.events


async def test_an_import_ends_at_its_deadline(critical: Executor, catalog: Catalog, of_250: Path) -> None:
    async with recording(catalog):
        with pytest.raises(DeadlineExceeded, match="send the same again"):
            await import_conversations(of_250, "ada", critical, deadline=0)


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(away(tmp_path)) as running:
        yield running


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"no zip", 422), (zipped({"../a.json": b"{}"}), 422), (zipped({"a.json": b" " * 101_000_000}), 422)],
    ids=["no zip", "traversal", "bomb"],
)
async def test_what_may_not_be_imported_is_refused_and_does_not_stay(
    backend: Served, content: bytes, status: int
) -> None:
    problem(await backend.client.post(IMPORTS, content=content), status)
    assert await backend.left() == []


async def test_an_import_reports_faults_over_a_form_and_a_raw_body(backend: Served) -> None:
    content = zipped({"a.json": b"{}"})
    for answer in (
        await backend.client.post(IMPORTS, content=content),
        await backend.client.post(IMPORTS, files={"file": ("a.zip", content, "a/b")}),
    ):
        assert answer.status_code == 200
        assert (answer.json()["imported"], answer.json()["failed"]) == (0, 1)
    assert await backend.left() == []


async def test_while_nothing_can_be_told_the_caller_is_asked_to_send_it_again(backend: Served) -> None:
    answer: httpx.Response = await backend.client.post(IMPORTS, content=zipped({"a.json": conversation("c")}))
    problem(answer, 503)
    assert answer.headers["retry-after"]
    assert await backend.left() == []


async def test_a_caller_that_leaves_ends_its_import_and_takes_the_archive_along(backend: Served) -> None:
    gate = threading.Event()
    critical = backend.app.state.lanes.critical
    try:
        await occupy(critical, gate)
        content = zipped({"a.json": conversation("c")})
        _, writer = await asyncio.open_connection("127.0.0.1", backend.port)
        head = f"POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await until(lambda: critical.statistics().waiting == 1)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await until(lambda: backend.app.state.uploads.statistics().bytes_held == 0)
        assert await backend.left() == []
    finally:
        gate.set()
