"""The handlers are told to end while they deliver: nothing is lost, and nothing counts as poison."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured
from stores import Key
from tests.flow.test_webhooks import NOW, settled
from tests.flow.world import world
from tests.receiver import Received, accept


async def test_sigterm_gives_unfinished_starts_back(
    tmp_path: Path, catalog: Catalog, catalog_file: Path
) -> None:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as running:
        arrived, released = asyncio.Event(), asyncio.Event()

        async def hold(_: Received) -> web.Response:
            arrived.set()
            await released.wait()
            return web.Response()

        running.receiver.respond = hold
        await running.register("u1", "/hook", ["memory_created"])
        conversation = Conversation(id="c1", created_at=NOW, structured=Structured(title="A walk"))
        task = DeveloperWebhook(uid="u1", event=MemoryCreated(conversation=conversation))
        receipt = await running.producer.enqueue(task)
        await arrived.wait()
        running.receiver.respond = accept
        await running.handlers.terminate()

        row = await running.row(Key(receipt.type, receipt.identity, 0))
        assert row is not None
        assert row.starts == 0
        assert running.answers[500] == 1
        assert await settled(running, [receipt]) == ["done"]
        released.set()
