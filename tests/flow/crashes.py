"""Kills handlers and emulator while side effects stream through them, and accounts for each of them.

Everything is real: two processes that are killed with -9 and come back, sockets, SQLite. A side effect may be
repeated in one window alone: its attempt was under way, with no outcome on disk, when a process was killed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from cli.demo.errors import UnexpectedAnswer
from cli.demo.waiting import WaitingTasks
from contracts import (
    TASK_TYPES,
    Catalog,
    Conversation,
    DeveloperWebhook,
    MemoryCreated,
    Structured,
    TaskRegistry,
)
from handlers.database import open_database
from handlers.settings import HandlerSettings
from producers import PartlyEnqueued, Producer, Receipt, Unreachable
from stores import Ended, Endpoint, Filter, Key, OutcomeKind, Row, SigningKey, Stores
from tests.flow.handlers_process import HandlersProcess
from tests.flow.mortal_emulator import MortalEmulator, mortal_emulator
from tests.flow.test_webhooks import NOW
from tests.flow.world import SECRET, dead_letter_function, variables
from tests.receiver import Received, receiver

BATCH = 50
"""Tasks enqueued at once."""
KINDS = {"good": 80, "flaky": 15, "dead": 5}
"""Of a hundred tasks; a flaky receiver fails each delivery once."""
USERS = 20
"""For each kind, so that no target has more places taken than it has."""
ATTEMPTS = frozenset({OutcomeKind.DONE, OutcomeKind.RETRY, OutcomeKind.DEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """What a run without loss came to."""

    accepted: int
    delivered: int
    dead: int
    kills: Mapping[str, int]
    """By what was killed."""
    under_way: int
    """Attempts that a kill met, each time counted."""
    repeated: int
    """Requests beyond one for each attempt."""

    def sentence(self) -> str:
        kills = ", ".join(f"{count} of the {what}" for what, count in self.kills.items())
        return (
            f"{self.accepted} accepted: {self.delivered} delivered, {self.dead} dead letters, 0 lost; kills: "
            f"{kills}; they met {self.under_way} attempts under way, of which {self.repeated} were repeated, "
            "and no other"
        )


class Receivers:
    """Answers by the first part of the path, and counts requests and deliveries by their id."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._progress = asyncio.Condition()

    async def __call__(self, got: Received) -> web.Response:
        delivery, kind = got.headers["webhook-id"], got.path.split("/")[1]
        async with self._progress:
            self.requests[delivery] += 1
            is_taken = kind == "good" or (kind == "flaky" and self.requests[delivery] > 1)
            self.taken[delivery] += is_taken
            self._progress.notify_all()
        return web.Response(status=200 if is_taken else 503)

    async def reached(self, count: int) -> None:
        """Return once so many deliveries have arrived, repetitions not counted."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.requests) >= count)


@dataclass(kw_only=True)
class _Stage:
    stores: Stores
    producer: Producer
    handlers: HandlersProcess
    emulator: MortalEmulator
    receivers: Receivers


async def crash(
    folder: Path,
    catalog: Catalog,
    catalog_file: Path,
    *,
    tasks: int,
    handler_kills: int,
    emulator_kills: int,
    seed: int,
    timeout: float,
) -> Crashed:
    """Enqueue so many tasks while both are killed at random moments, and wait until all have ended.

    Args:
        timeout: seconds for the whole run.

    Raises:
        AssertionError: a task is lost, ended twice, or was repeated outside of the window.
    """
    chance = random.Random(seed)
    kills = ["handlers"] * handler_kills + ["emulator"] * emulator_kills
    chance.shuffle(kills)
    moments = sorted(chance.sample(range(tasks // 50, tasks - tasks // 50), len(kills)))
    async with asyncio.timeout(timeout), _staged(folder, catalog, catalog_file) as stage:
        receipts: list[Receipt] = []
        stream = asyncio.create_task(_enqueue(stage.producer, _tasks(tasks, chance), receipts))
        met: Counter[str] = Counter()
        for victim, moment in zip(kills, moments, strict=True):
            await stage.receivers.reached(moment)
            met.update(await _kill(stage, victim, receipts))
        await stream
        await _ended(stage, receipts)
        return await _account(stage, receipts, met, Counter(kills))


@asynccontextmanager
async def _staged(folder: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[_Stage]:
    """Everything is open, the receivers are registered, and nothing is enqueued."""
    async with AsyncExitStack() as stack:
        handlers = HandlersProcess("handlers.app:create_app", folder / "handlers.log")
        await handlers.open()
        dead_letter_url = await stack.enter_async_context(dead_letter_function(lambda: settings))
        emulator = await stack.enter_async_context(
            mortal_emulator(folder / "emulator", catalog_file, dead_letter_url)
        )
        settings = HandlerSettings(
            queues_file=catalog_file,
            database=folder / "stores.sqlite3",
            blobs=str(folder / "blobs"),
            handlers_url=handlers.url,
            dead_letter_url=dead_letter_url,
            cloud_tasks_emulator_host=emulator.addresses.tasks,
            pubsub_emulator_host=emulator.addresses.pubsub,
            oidc_certs_url=f"http://{emulator.addresses.http}/oauth2/v1/certs",
        )
        stores = await stack.enter_async_context(open_database(settings))
        producer = await stack.enter_async_context(Producer(settings, catalog, TaskRegistry(TASK_TYPES)))
        receivers = Receivers()
        target = await stack.enter_async_context(receiver(receivers))
        for kind in KINDS:
            for user in range(USERS):
                await stores.directory.put_endpoint(
                    Endpoint(
                        uid=f"{kind}-{user}",
                        kind="memory_created",
                        url=f"{target.url}/{kind}",
                        keys=(SigningKey(secret=SECRET),),
                    )
                )
        await handlers.start(variables(settings))
        stack.push_async_callback(handlers.aclose)
        yield _Stage(
            stores=stores, producer=producer, handlers=handlers, emulator=emulator, receivers=receivers
        )


async def _kill(stage: _Stage, victim: str, receipts: Sequence[Receipt]) -> set[str]:
    """Kill it and let it come back; the delivery ids of the attempts that were under way."""
    if victim == "handlers":
        await stage.handlers.kill()
        return await _under_way(stage, receipts)
    before = await _under_way(stage, receipts)
    await stage.emulator.kill()
    after = await _under_way(stage, receipts)
    await stage.emulator.open()
    return before | after


async def _under_way(stage: _Stage, receipts: Sequence[Receipt]) -> set[str]:
    """Deliveries that have a start and no outcome on disk, or that are about to have one."""
    found = set()
    for receipt in tuple(receipts):
        row = await stage.stores.ledger.read(_key(receipt))
        if row is not None and row.outcome is None:
            found.add(receipt.delivery_id)
    return found


async def _ended(stage: _Stage, receipts: Sequence[Receipt]) -> None:
    """Return when each task has its end on disk and no queue holds any."""
    open_ones = list(receipts)
    while open_ones:
        rows = [(receipt, await stage.stores.ledger.read(_key(receipt))) for receipt in open_ones]
        open_ones = [receipt for receipt, row in rows if not (row and row.outcome and row.outcome.final)]
    async with WaitingTasks(
        stage.emulator.addresses.tasks, project="sidelane-local", location="us-central1"
    ) as waiting:
        while await _delivery_ids(waiting):
            pass


async def _delivery_ids(waiting: WaitingTasks) -> frozenset[str]:
    try:
        return await waiting.delivery_ids()
    except UnexpectedAnswer:  # it has just been started
        return frozenset({"unknown"})


async def _account(
    stage: _Stage, receipts: Sequence[Receipt], met: Counter[str], kills: Counter[str]
) -> Crashed:
    kept = await stage.stores.dead_letters.find(Filter(), limit=len(receipts))
    letters = {each.letter.identity for each in kept}
    repeated = 0
    for receipt in receipts:
        row = await stage.stores.ledger.read(_key(receipt))
        assert row is not None
        assert row.outcome is not None
        is_done = row.outcome.kind is OutcomeKind.DONE
        assert is_done == bool(stage.receivers.taken[receipt.delivery_id]), receipt
        assert is_done != (receipt.identity in letters), receipt
        _check_order(row)
        extra = stage.receivers.requests[receipt.delivery_id] - _attempts(row.history)
        assert extra <= met[receipt.delivery_id], f"{receipt.identity} was repeated outside of the window"
        repeated += max(0, extra)
    return Crashed(
        accepted=len(receipts),
        delivered=sum(1 for receipt in receipts if stage.receivers.taken[receipt.delivery_id]),
        dead=len(letters),
        kills=kills,
        under_way=met.total(),
        repeated=repeated,
    )


def _check_order(row: Row) -> None:
    positions = [(ended.position.attempt, ended.position.park) for ended in row.history]
    assert positions == sorted(set(positions)), row.key


def _attempts(history: Iterable[Ended]) -> int:
    """Requests that the ledger knows of: parks make none."""
    return sum(ended.outcome.kind in ATTEMPTS for ended in history)


def _key(receipt: Receipt) -> Key:
    return Key(receipt.type, receipt.identity, 0)


def _tasks(count: int, chance: random.Random) -> list[DeveloperWebhook]:
    kinds = chance.choices(list(KINDS), weights=list(KINDS.values()), k=count)
    return [
        DeveloperWebhook(
            uid=f"{kind}-{number % USERS}",
            event=MemoryCreated(
                conversation=Conversation(
                    id=f"c{number}", created_at=NOW, structured=Structured(title="A walk")
                )
            ),
        )
        for number, kind in enumerate(kinds)
    ]


async def _enqueue(producer: Producer, tasks: Sequence[DeveloperWebhook], receipts: list[Receipt]) -> None:
    """In batches, each until all of it is accepted; the emulator may be away."""
    for first in range(0, len(tasks), BATCH):
        batch = list(tasks[first : first + BATCH])
        while batch:
            try:
                receipts += await producer.enqueue_many(batch)
                batch = []
            except PartlyEnqueued as error:
                if not all(isinstance(failure, Unreachable) for failure in error.failures.values()):
                    raise
                receipts += error.receipts.values()
                batch = [batch[place] for place in error.failures]
