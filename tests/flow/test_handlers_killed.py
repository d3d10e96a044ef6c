"""The handlers die between any two steps, and every accepted task still comes to exactly one end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from contracts import Catalog, DeveloperWebhook, RealtimeTranscript, TranscriptSegment
from producers import Receipt
from stores import Key, OutcomeKind, Row
from tests.firestore_emulator import Firestore
from tests.flow.crashing_handlers import STEPS
from tests.flow.world import World, world
from tests.receiver import Received

SEGMENT = TranscriptSegment(text="Where were we?", start=0, end=1)


class Receivers:
    """Answers by path, and remembers which deliveries it took."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()

    async def __call__(self, got: Received) -> web.Response:
        delivery = got.headers["webhook-id"]
        self.requests[delivery] += 1
        status = {"/good": 200, "/dead": 500, "/gone": 410}.get(got.path)
        if status is None:  # /flaky
            status = 200 if self.requests[delivery] > 2 else 503
        if status == 200:
            self.taken[delivery] += 1
        return web.Response(status=status)


def items(uid: str, count: int) -> list[DeveloperWebhook]:
    return [
        DeveloperWebhook(
            uid=uid, event=RealtimeTranscript(stream_id="s", sequence=number, segments=(SEGMENT,))
        )
        for number in range(count)
    ]


async def ended_rows(running: World, receipts: list[Receipt]) -> list[tuple[Receipt, Row]]:
    """The row of each task that came to its end."""
    rows = [(receipt, await running.row(Key(receipt.type, receipt.identity, 0))) for receipt in receipts]
    return [(receipt, row) for receipt, row in rows if row and row.outcome and row.outcome.final]


@pytest.mark.parametrize(
    ("step", "firestore_or_file"),
    [*((step, "sqlite") for step in STEPS), ("claim", "firestore"), ("outcome", "firestore")],
    indirect=["firestore_or_file"],
)
async def test_killed_after(
    step: str,
    tmp_path: Path,
    catalog: Catalog,
    catalog_file: Path,
    firestore_or_file: Firestore | None,
) -> None:
    mark = tmp_path / "died"
    async with world(
        tmp_path,
        catalog,
        catalog_file,
        factory="tests.flow.crashing_handlers:create_app",
        environment={"CRASH_AFTER": step, "CRASH_MARK": str(mark)},
        firestore=firestore_or_file,
    ) as running:
        receivers = Receivers()
        running.receiver.respond = receivers
        receipts: list[Receipt] = []
        for path, count in (("good", 4), ("flaky", 3), ("dead", 3), ("gone", 2)):
            await running.register(path, f"/{path}", ["realtime_transcript"])
            receipts += await running.producer.enqueue_many(items(path, count))

        async def all_ended() -> bool:
            ended = await ended_rows(running, receipts)
            return len(ended) == len(receipts) and len(await running.letters()) >= 5

        await running.signal.until(all_ended)
        await running.drained()

        assert running.handlers.deaths == 1
        letters = await running.letters()
        for receipt, row in await ended_rows(running, receipts):
            done = row.outcome is not None and row.outcome.kind is OutcomeKind.DONE
            assert done == (receivers.taken[receipt.delivery_id] > 0)
            assert done != (receipt.identity in letters)
            positions = [(ended.position.attempt, ended.position.park) for ended in row.history]
            assert positions == sorted(set(positions))
            assert receivers.requests[receipt.delivery_id] <= len(positions) + 1
        assert {letter.letter.reason for letter in letters.values()} == {"attempts-used", "gone"}
