"""The whole way with a key in Secret Manager: it signs, the service may be away, it is nowhere written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from standardwebhooks import Webhook

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured
from stores import Endpoint, Key, OutcomeKind, SigningKey
from tests.flow.world import SECRET, World, world
from tests.handlers.secret_manager_server import SecretManagerServer, secret_manager_server

NAME = "projects/p/secrets/u-memory/versions/1"
TASK = DeveloperWebhook(
    uid="u",
    event=MemoryCreated(
        conversation=Conversation(
            id="c1", created_at=datetime(2026, 11, 1, tzinfo=UTC), structured=Structured(title="A walk")
        )
    ),
)


@pytest.fixture
async def manager() -> AsyncIterator[SecretManagerServer]:
    async with secret_manager_server() as opened:
        yield opened


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, manager: SecretManagerServer
) -> AsyncIterator[World]:
    environment = {"SIDELANE_SECRET_MANAGER_HOST": manager.address}
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
    ) as opened:
        yield opened


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_while_secrets_are_away_tasks_wait_at_no_attempt(
    running: World, manager: SecretManagerServer, tmp_path: Path
) -> None:
    manager.secrets[NAME] = grpc.StatusCode.UNAVAILABLE
    await running.stores.directory.put_endpoint(
        Endpoint(uid="u", kind="memory_created", url=running.receiver.url, keys=(SigningKey(secret=NAME),))
    )
    receipt = await running.producer.enqueue(TASK)

    async def refused_often() -> bool:
        return running.answers[500] >= 3

    await running.signal.until(refused_often)
    assert running.receiver.received == []
    manager.secrets[NAME] = SECRET.encode()

    async def ended() -> bool:
        row = await running.row(Key(receipt.type, receipt.identity, 0))
        return bool(row and row.outcome and row.outcome.final)

    await running.signal.until(ended)
    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    assert [end.outcome.kind for end in row.history] == [OutcomeKind.DONE]
    (got,) = running.receiver.received
    Webhook(SECRET).verify(got.body, dict(got.headers))
    found = await asyncio.to_thread(written, tmp_path)
    assert NAME.encode() in found
    assert SECRET.removeprefix("whsec_").encode() not in found
