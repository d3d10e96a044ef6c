"""The whole way: keys stay in the directory, whatever fails; a lost connection is made again at once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured
from producers import Receipt
from stores import Endpoint, Key, OutcomeKind, Row, SigningKey, rotated
from tests.flow.world import SECRET, World, world
from tests.receiver import answering

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NEW = "whsec_" + "q7Zk" * 8
MALFORMED = "whsk_" + "x9Wd" * 8
EVENT = MemoryCreated(
    conversation=Conversation(id="c1", created_at=NOW, structured=Structured(title="A walk"))
)


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as opened:
        yield opened


async def ended(running: World, receipt: Receipt) -> Row:
    async def final() -> bool:
        row = await running.row(Key(receipt.type, receipt.identity, 0))
        return bool(row and row.outcome and row.outcome.final)

    await running.signal.until(final)
    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    return row


def written(folder: Path) -> bytes:
    """Everything that the run has left on disk, but for the directory's own table."""
    with closing(sqlite3.connect(folder / "stores.sqlite3")) as connection:
        rows = "\n".join(line for line in connection.iterdump() if '"endpoint"' not in line)
    others = [path for path in folder.rglob("*") if path.is_file() and "stores.sqlite3" not in path.name]
    assert any(path.name == "handlers.log" for path in others)
    return rows.encode() + b"".join(path.read_bytes() for path in others)


async def test_no_key_is_in_a_log_a_task_the_ledger_or_a_dead_letter(running: World, tmp_path: Path) -> None:
    endpoint = Endpoint(uid="u", kind=EVENT.kind, url=running.receiver.url, keys=(SigningKey(secret=SECRET),))
    await running.stores.directory.put_endpoint(rotated(endpoint, NEW, now=datetime.now(UTC)))
    running.receiver.respond = answering(410)
    gone = await running.producer.enqueue(DeveloperWebhook(uid="u", event=EVENT))
    assert [end.outcome.kind for end in (await ended(running, gone)).history] == [OutcomeKind.DEAD]
    got = running.receiver.received[0]
    for secret in (SECRET, NEW):
        Webhook(secret).verify(got.body, dict(got.headers))

    await running.stores.directory.put_endpoint(
        Endpoint(uid="v", kind=EVENT.kind, url=running.receiver.url, keys=(SigningKey(secret=MALFORMED),))
    )
    malformed = await running.producer.enqueue(DeveloperWebhook(uid="v", event=EVENT))
    outcome = (await ended(running, malformed)).outcome
    assert outcome is not None
    assert "keys[0].secret: a v1a key has 32 bytes" in outcome.detail
    assert len(running.receiver.received) == 1

    async def buried() -> bool:
        return len(await running.letters()) == 2

    await running.signal.until(buried)
    found = await asyncio.to_thread(written, tmp_path)
    assert b"keys[0].secret" in found
    for secret in (SECRET, NEW, MALFORMED):
        assert secret.partition("_")[2].encode() not in found


async def test_a_connection_lost_at_once_is_made_again_at_once(running: World) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        if connections > 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        await running.stores.directory.put_endpoint(
            Endpoint(
                uid="u", kind=EVENT.kind, url=f"http://{host}:{port}/", keys=(SigningKey(secret=SECRET),)
            )
        )
        receipt = await running.producer.enqueue(DeveloperWebhook(uid="u", event=EVENT))
        row = await ended(running, receipt)
    assert [end.outcome.kind for end in row.history] == [
        OutcomeKind.RETRY,
        OutcomeKind.RETRY,
        OutcomeKind.DONE,
    ]
    first, second = (end.outcome for end in row.history[:2])
    assert first.due == first.decided_at
    assert second.due is not None
    assert (second.due - second.decided_at).total_seconds() == pytest.approx(0.1)
