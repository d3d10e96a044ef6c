"""A dead, a slow and a flooding target beside healthy ones on one queue: each delays only itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from contracts import Conversation, DeveloperWebhook, MemoryCreated, Position, Structured, load_catalog
from producers import Receipt
from stores import Key, OutcomeKind, Row
from tests.flow import fairness, letters
from tests.flow.test_webhooks import NOW, settled
from tests.flow.world import CATALOG, World, world
from tests.receiver import Received

POLICY = (
    CATALOG.replace("max_concurrent_per_target: 8", "max_concurrent_per_target: 2")
    .replace("max_per_second_per_target: 500", "max_per_second_per_target: 40")
    .replace("breaker_failures: 1000", "breaker_failures: 3")
    .replace("max_attempts: 3", "max_attempts: 100")
    .replace('deadline: "5s"', 'deadline: "45s"')
    .replace('dispatch_deadline: "20s"', 'dispatch_deadline: "60s"')
)
"""Two at a time and 40 a second for each target, of the 20 places and 500 a second of the queue.

Without these bounds the slow target would take every place, and the healthy ones would get none.
"""

_FAST = "{max_dispatches_per_second: 500, max_concurrent_dispatches: 500}"
FIFTH = (
    letters.CATALOG.format(per_second=10)
    .replace(_FAST, "{max_dispatches_per_second: 40, max_concurrent_dispatches: 13}", 1)
    .replace(_FAST, "{max_dispatches_per_second: 10, max_concurrent_dispatches: 19}", 1)
    .replace(
        "breaker_failures: 5",
        'breaker_failures: 5\n      slow_after: "2s"\n      max_concurrent_when_slow: 4',
    )
)
"""The limits of `developer-webhooks` for a fifth of the targets; those of one target are the same."""


class Targets:
    """The receivers of all users, by the first part of their path."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[str]] = {"dead": [], "slow": [], "flood": [], "well": []}
        """Delivery ids in the order of their requests."""
        self.are_well = asyncio.Event()

    async def __call__(self, request: Received) -> web.Response:
        user = request.path.strip("/").split("-")[0]
        self.arrived[user].append(request.headers["webhook-id"])
        if user == "dead" and not self.are_well.is_set():
            return web.Response(status=503)
        if user == "slow":
            await self.are_well.wait()
        return web.Response()


async def told(running: World, uid: str, count: int) -> list[Receipt]:
    """So many conversations of one user."""
    await running.register(uid, f"/{uid}", ["memory_created"])
    conversations = (
        Conversation(id=f"c{number}", created_at=NOW, structured=Structured(title="A walk"))
        for number in range(count)
    )
    tasks = [DeveloperWebhook(uid=uid, event=MemoryCreated(conversation=each)) for each in conversations]
    return list(await running.producer.enqueue_many(tasks))


async def rows(running: World, receipts: Sequence[Receipt]) -> list[Row | None]:
    return [await running.row(Key(receipt.type, receipt.identity, 0)) for receipt in receipts]


async def test_healthy_targets_see_nothing_of_the_others(tmp_path: Path) -> None:
    file = tmp_path / "queues.yaml"
    await asyncio.to_thread(file.write_text, POLICY)
    catalog = await asyncio.to_thread(load_catalog, file)
    async with world(tmp_path, catalog, file, factory="handlers.app:create_app", environment={}) as running:
        targets = Targets()
        running.receiver.respond = targets
        slow = await told(running, "slow", 40)
        dead = await told(running, "dead", 40)
        flood = await told(running, "flood", 200)
        well = [receipt for user in range(20) for receipt in await told(running, f"well-{user}", 1)]

        assert await settled(running, well) == [OutcomeKind.DONE] * 20
        assert len(targets.arrived["slow"]) == 2
        for row in await rows(running, well):
            assert row is not None
            assert row.position == Position(attempt=1, park=0)

        assert await settled(running, flood) == [OutcomeKind.DONE] * 200
        assert len(set(targets.arrived["flood"])) == len(targets.arrived["flood"])
        assert len(targets.arrived["slow"]) == 2
        assert len(targets.arrived["dead"]) < 40

        targets.are_well.set()
        assert await settled(running, [*slow, *dead]) == [OutcomeKind.DONE] * 80
        assert set(running.answers) == {200}


@pytest.mark.timeout(180)
async def test_the_healthy_get_theirs_as_if_all_were(tmp_path: Path) -> None:
    """A fifth of `make soak ARGS=fairness`: 40 targets, 4 dead, 4 taking 10 s, on a fifth of the places.

    Slow ones would hold 32 of these 13 places, if they had as many as others and were run where others are.
    """
    runs = {}
    for ill in (0, 4):
        folder = tmp_path / str(ill)
        await asyncio.to_thread(folder.mkdir)
        runs[ill] = await fairness.run(folder, FIFTH, ill=ill, per_second=20, seconds=15, seed=1)
    assert runs[4].most_at_once > 8
    assert runs[4].p99() <= 1.5 * runs[0].p99()
