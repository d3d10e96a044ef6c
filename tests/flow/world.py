"""The whole way on one machine: emulator and dead-letter function here, handlers in their own process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from contracts import TASK_TYPES, Catalog, TaskRegistry, WebhookKind
from emulator import End, HttpRequest, Response
from emulator.http_sender import HttpSender
from emulator.http_server import HttpServer
from handlers.database import open_database
from handlers.dead_letters.function import DeadLetterFunction
from handlers.settings import HandlerSettings
from producers import Producer
from stores import (
    Blobs,
    DeadLetters,
    Endpoint,
    Filter,
    FirestoreDatabase,
    Kept,
    Key,
    Ledger,
    Row,
    SigningKey,
    Stores,
)
from stores.blob_location import open_blobs
from tests.emulator_fixture import RunningEmulator, running_emulator
from tests.firestore_emulator import Firestore
from tests.flow.handlers_process import HandlersProcess
from tests.receiver import Receiver, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DEADLINE = 45.0
"""Seconds in which everything must have come to its end."""

LOOK_EVERY = 0.1
"""Seconds between two looks at all queues, which keep the emulator busy in the process that it shares."""

NO_ANSWER = 0
"""In the place of a status."""

CATALOG = """
defaults:
  rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 20}
  retry_rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 20}
  retry: {max_attempts: -1, min_backoff: "0.1s", max_backoff: "1s", max_doublings: 3}
  delivery:
    max_attempts: 3
    schedule: ["0.1s"]
    jitter: 0
    bug_attempts: 3
    max_starts: 5
    age_limit: "3600s"
    skew_age: "1s"
    skew_delay: "1s"
    deadline: "5s"
    realtime: false
    max_concurrent_per_target: 8
    max_per_second_per_target: 500
    breaker_failures: 1000
    breaker_open_for: "1s"
    disable_after: "432000s"
  dispatch_deadline: "20s"
  inline_limit_bytes: 200000
  blob_limit_bytes: 16777216
  blob_retention: "1209600s"
  dead_letter_retention: "7776000s"
  dead_letter_topic: webhooks-dead
queues:
  developer-webhooks: {}
  notifications: {}
  geocoding: {}
  speech-jobs:
    delivery: {exclusive: true}
  developer-webhooks-realtime:
    delivery: {realtime: true}
  quarantine:
    quarantine: true
    rate_limits: {max_concurrent_dispatches: 1}
    retry_rate_limits: {max_concurrent_dispatches: 1}
  app-webhooks: {}
  app-webhooks-realtime:
    delivery: {realtime: true}
events:
  conversation-created:
    subscription: conversation-created-handlers
    ack_deadline: "10s"
    min_backoff: "0s"
    max_backoff: "0.5s"
    max_delivery_attempts: 5
    dead_letter_topic: events-dead
  transcript-flushed:
    subscription: transcript-flushed-handlers
    ack_deadline: "10s"
    min_backoff: "0s"
    max_backoff: "0.5s"
    max_delivery_attempts: 5
    dead_letter_topic: events-dead
"""


@dataclass
class Signal:
    """Told whenever something happened that may have changed the state of the world."""

    event: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not await holds():
                await self.event.wait()
                self.event.clear()


class WatchedSender(HttpSender):
    def __init__(self, signal: Signal, connections: int) -> None:
        super().__init__(connections=connections)
        self._signal = signal
        self.answers: Counter[int] = Counter()

    async def send(self, request: HttpRequest, deadline: float) -> End:
        try:
            end = await super().send(request, deadline)
            self.answers[end.status if isinstance(end, Response) else NO_ANSWER] += 1
            return end
        finally:
            self._signal.event.set()


@dataclass(kw_only=True)
class World:
    receiver: Receiver
    stores: Stores
    producer: Producer
    blobs: Blobs
    handlers: HandlersProcess
    emulator: RunningEmulator
    catalog: Catalog
    signal: Signal
    answers: Counter[int]
    """Of the handlers and the dead-letter function to the queues, by status; 0 for none."""

    @property
    def ledger(self) -> Ledger:
        return self.stores.ledger

    @property
    def dead_letters(self) -> DeadLetters:
        return self.stores.dead_letters

    async def register(self, uid: str, path: str, kinds: Iterable[WebhookKind]) -> None:
        for kind in kinds:
            await self.stores.directory.put_endpoint(
                Endpoint(uid=uid, kind=kind, url=self.receiver.url + path, keys=(SigningKey(secret=SECRET),))
            )

    async def row(self, key: Key) -> Row | None:
        return await self.ledger.read(key)

    async def letters(self) -> dict[str, Kept]:
        """By identity."""
        return {kept.letter.identity: kept for kept in await self.dead_letters.find(Filter(), limit=1000)}

    async def waiting(self) -> int:
        """Tasks in all queues, those under way included."""
        names = [await self.emulator.task_names(queue.name) for queue in self.catalog.cloud_tasks_queues()]
        return sum(map(len, names))

    async def drained(self, deadline: float = DEADLINE) -> None:
        """Until no queue holds a task, in seconds."""
        async with asyncio.timeout(deadline):
            while await self.waiting():
                # A task is gone a moment after its answer, of which nothing tells.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.signal.event.wait(), LOOK_EVERY)
                self.signal.event.clear()


@asynccontextmanager
async def world(
    folder: Path,
    catalog: Catalog,
    catalog_file: Path,
    *,
    factory: str,
    environment: Mapping[str, str],
    firestore: Firestore | None = None,
    connections: int = 100,
) -> AsyncIterator[World]:
    """Everything is open and empty; `factory` is the handlers' app, told `environment` besides.

    The stores are in a file of `folder`, or in a database of `firestore`. `connections` may be open from the
    emulator to the handlers.
    """
    happened = Signal()
    async with AsyncExitStack() as stack:
        handlers = HandlersProcess(factory, folder / "handlers.log")
        await handlers.open()
        dead_letter_url = await stack.enter_async_context(dead_letter_function(lambda: settings))
        sender = WatchedSender(happened, connections)
        await sender.open()
        stack.push_async_callback(sender.aclose)
        emulator = await stack.enter_async_context(
            running_emulator(
                catalog,
                folder / "emulator",
                dead_letter_url=dead_letter_url,
                handlers_url=handlers.url,
                sender=sender,
            )
        )
        settings = HandlerSettings(
            queues_file=catalog_file,
            database=FirestoreDatabase(firestore.name) if firestore else folder / "stores.sqlite3",
            firestore_emulator_host=firestore.host if firestore else None,
            blobs=str(folder / "blobs"),
            handlers_url=handlers.url,
            dead_letter_url=dead_letter_url,
            cloud_tasks_emulator_host=emulator.addresses.tasks,
            pubsub_emulator_host=emulator.addresses.pubsub,
            oidc_certs_url=f"http://{emulator.addresses.http}/oauth2/v1/certs",
        )
        stores = await stack.enter_async_context(open_database(settings))
        blobs = await stack.enter_async_context(open_blobs(settings.blobs, project=settings.project))
        producer = await stack.enter_async_context(
            Producer(settings, catalog, TaskRegistry(TASK_TYPES), blobs=blobs)
        )
        target = await stack.enter_async_context(receiver())
        await handlers.start({**variables(settings), "RECEIVER_URL": target.url, **environment})
        stack.push_async_callback(handlers.aclose)
        yield World(
            receiver=target,
            stores=stores,
            producer=producer,
            blobs=blobs,
            handlers=handlers,
            emulator=emulator,
            catalog=catalog,
            signal=happened,
            answers=sender.answers,
        )


@asynccontextmanager
async def dead_letter_function(read_settings: Callable[[], HandlerSettings]) -> AsyncIterator[str]:
    """The dead-letter function at this URL; it reads its settings at its first request."""
    function = DeadLetterFunction(read_settings)

    async def endpoint(request: Request) -> HttpResponse:
        return await function(request)

    server = HttpServer("127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.bind()}/"
    await server.open(Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])]))
    try:
        yield url
    finally:
        await server.aclose()
        await function.aclose()


def variables(settings: HandlerSettings) -> dict[str, str]:
    """The settings as a process reads them."""
    firestore = settings.firestore_emulator_host
    return {
        **({"FIRESTORE_EMULATOR_HOST": firestore} if firestore else {}),
        "CLOUD_TASKS_EMULATOR_HOST": str(settings.cloud_tasks_emulator_host),
        "PUBSUB_EMULATOR_HOST": str(settings.pubsub_emulator_host),
        "SIDELANE_OIDC_CERTS_URL": settings.oidc_certs_url,
        "SIDELANE_EGRESS_ALLOW": "127.0.0.0/8",
        "SIDELANE_QUEUES_FILE": str(settings.queues_file),
        "SIDELANE_DATABASE": str(settings.database),
        "SIDELANE_BLOBS": settings.blobs,
        "SIDELANE_HANDLERS_URL": settings.handlers_url,
        "SIDELANE_DEAD_LETTER_URL": settings.dead_letter_url,
    }
