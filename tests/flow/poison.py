"""A hundredth each of undecodable, unknown, always failing and killing tasks, among good ones.

Each is buried with its reason while the good ones are delivered, and is delivered itself when it is replayed
to code that was mended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from google.cloud.tasks_v2 import HttpRequest, OidcToken
from google.cloud.tasks_v2 import Task as CloudTask

from contracts import Catalog, Envelope, Task
from handlers.dead_letters.replay import NotReplayed, Replayed, replay
from stores import Filter, Kept
from tests.emulator_fixture import PARENT
from tests.flow.parcels import Letter, Parcel
from tests.flow.world import World, world

QUEUE = "developer-webhooks"
REASONS = {
    "failing": "attempts-used",
    "garbage": "undecodable",
    "heavy": "undecodable",
    "killing": "poison",
    "letter": "needs-newer-code",
}
"""Of each kind of poison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poisoned:
    """What a run came to; nothing was lost."""

    good: int
    each: int
    """Poison of each kind."""
    deaths: int
    """Of the handlers' process."""

    def sentence(self) -> str:
        kinds = ", ".join(REASONS)
        return (
            f"{self.good} good tasks delivered beside {self.each} of each of {kinds}; the handlers died "
            f"{self.deaths} times; each is a dead letter with its reason, and all but garbage were delivered "
            "when they were replayed"
        )


async def poison(
    folder: Path, catalog: Catalog, catalog_file: Path, *, tasks: int, timeout: float
) -> Poisoned:
    """Raises AssertionError where something is lost, or buried for another reason than its own."""
    each = tasks // 100
    good = tasks - each * len(REASONS)
    mended = folder / "mended"
    async with world(
        folder,
        catalog,
        catalog_file,
        factory="tests.flow.parcels:create_app",
        environment={"MENDED": str(mended)},
    ) as running:
        for number in range(good):
            await _send(running, Parcel(kind="well", number=number))
        for number in range(each):
            await _send(running, Parcel(kind="failing", number=number))
            await _send(running, Parcel(kind="killing", number=number))
            await _send(running, Parcel(kind="heavy", number=number, weight=11))
            await _send(running, Letter(number=number))
            await _send_garbage(running, number)
        await running.drained(timeout)
        letters = await _letters(running, each * len(REASONS))
        assert _reasons(letters) == {kind: Counter({reason: each}) for kind, reason in REASONS.items()}
        assert _delivered(running) == {f"/well/{number}" for number in range(good)}
        deaths = running.handlers.deaths

        await asyncio.to_thread(mended.touch)
        await running.handlers.terminate()
        for kept in letters:
            replayed = await replay(
                kept,
                ledger=running.ledger,
                letters=running.dead_letters,
                outbox=running.producer,
                catalog=catalog,
                now=datetime.now(UTC),
            )
            assert isinstance(replayed, NotReplayed if _kind(kept) == "garbage" else Replayed)
        await running.drained(timeout)
        mended_ones = {f"/{kind}/{number}" for kind in REASONS if kind != "garbage" for number in range(each)}
        assert _delivered(running) == {f"/well/{number}" for number in range(good)} | mended_ones
        return Poisoned(good=good, each=each, deaths=deaths)


async def _send(running: World, task: Task) -> None:
    envelope = Envelope.seal(task, accepted_at=datetime.now(UTC))
    await running.producer.forward(envelope, QUEUE)


async def _send_garbage(running: World, number: int) -> None:
    """By a client that knows nothing of envelopes."""
    request = HttpRequest(
        url=f"{running.handlers.url}/tasks/parcel",
        body=f"garbage {number}".encode(),
        oidc_token=OidcToken(
            service_account_email="tasks@sidelane-local.iam.gserviceaccount.com",
            audience=running.handlers.url,
        ),
    )
    await running.emulator.tasks.create_task(
        parent=f"{PARENT}/queues/{QUEUE}", task=CloudTask(http_request=request)
    )


async def _letters(running: World, count: int) -> Sequence[Kept]:
    """All of them, once they are there."""

    async def kept() -> bool:
        return len(await running.dead_letters.find(Filter(), limit=count + 1)) == count

    await running.signal.until(kept)
    return await running.dead_letters.find(Filter(), limit=count)


def _kind(kept: Kept) -> str:
    return kept.letter.identity.partition("/")[0] or "garbage"


def _reasons(letters: Sequence[Kept]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for kept in letters:
        found.setdefault(_kind(kept), Counter())[kept.letter.reason] += 1
    return found


def _delivered(running: World) -> set[str]:
    return {request.path for request in running.receiver.received}
