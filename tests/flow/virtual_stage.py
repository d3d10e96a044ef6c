"""Emulator, handlers app and ledger in virtual time: everything but time and the side effects is real."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from google.api_core.exceptions import AlreadyExists
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateTaskRequest

from cli.resources import queues_of
from contracts import Catalog, TaskRegistry
from emulator import EmbeddedSender, Emulator, EmulatorSettings, End, HttpRequest, Response, VirtualClock
from emulator.clients import cloud_tasks_client
from handlers.app import create_app
from handlers.effect import Effect
from handlers.follow_up import FollowUp
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.opening import Opened
from handlers.pipeline import Pipeline
from handlers.reconciler import Reconciler
from handlers.settings import HandlerSettings
from handlers.targets import Targets
from lanes import HttpLane, Lanes, LanesSettings
from producers import Producer
from stores import Ledger
from stores.blob_location import open_blobs
from stores.sqlite import SqliteStores, open_sqlite
from tests.flow.letters import Letter
from tests.handlers.admin_means import admin_means
from tests.handlers.no_events import no_events

PARENT = "projects/sidelane-local/locations/us-central1"

MakeCallers = Callable[[Certificates, HandlerSettings], Callers]


class Watch(Protocol):
    """Is told of every dispatch before it goes."""

    def __call__(self, request: HttpRequest) -> None: ...


@dataclass(kw_only=True)
class VirtualStage:
    """What a test drives, and what it sees."""

    clock: VirtualClock
    emulator: Emulator
    producer: Producer
    stores: SqliteStores
    statuses: Counter[int] = field(default_factory=Counter)
    """What the handlers answered the queue; 0: no answer."""

    def now(self) -> datetime:
        return _now(self.clock)


def standard_callers(certificates: Certificates, settings: HandlerSettings) -> Callers:
    """Those of a service that is set up well."""
    return Callers(certificates, audience=settings.audience, emails=frozenset({settings.invoker_email}))


def same(ledger: Ledger) -> Ledger:
    return ledger


@asynccontextmanager
async def virtual_stage(
    folder: Path,
    catalog: Catalog,
    effect: Effect,
    *,
    clock: VirtualClock,
    chance: random.Random,
    watch: Watch | None = None,
    ledger: Callable[[Ledger], Ledger] = same,
    callers: MakeCallers = standard_callers,
) -> AsyncIterator[VirtualStage]:
    """Open and empty. Every letter runs `effect`; a dead letter is an error.

    Args:
        ledger: what the pipeline has instead of the real ledger.
        callers: who may call.
    """
    registry = TaskRegistry([Letter])
    async with AsyncExitStack() as stack:
        sender = _Watched(watch)
        emulator = Emulator(
            EmulatorSettings(data_dir=folder / "emulator", tasks_port=None, pubsub_port=None, http_port=0),
            queues=queues_of(catalog, PARENT),
            clock=clock,
            sender=sender,
            chance=chance,
        )
        await stack.enter_async_context(emulator)
        stores = await stack.enter_async_context(open_sqlite(folder / "stores.sqlite3"))
        lane = await stack.enter_async_context(HttpLane(CERTIFICATES_LANE))
        settings = HandlerSettings(oidc_certs_url=f"http://{emulator.addresses.http}/oauth2/v1/certs")
        producer = Producer(
            settings,
            catalog,
            registry,
            clock=lambda: _now(clock),
            tasks=_InProcessTasks(await cloud_tasks_client(emulator.channel)),
            topics=_NoTopics(),
        )
        await stack.enter_async_context(producer)
        blobs = await stack.enter_async_context(open_blobs(str(folder / "blobs"), project="p"))

        @asynccontextmanager
        async def opened(_: HandlerSettings, lanes: Lanes) -> AsyncIterator[Opened]:
            pipeline = Pipeline(
                callers=callers(Certificates(settings.oidc_certs_url, lane), settings),
                catalog=catalog,
                registry=registry,
                ledger=ledger(stores.ledger),
                blobs=blobs,
                effects={Letter.name: effect},
                targets=Targets(
                    stores.targets, clock=lambda: _now(clock), random=chance.random, telemetry=lanes.telemetry
                ),
                follow_up=FollowUp(producer, stores.ledger),
                telemetry=lanes.telemetry,
                clock=lambda: _now(clock),
                luck=chance.random,
            )
            reconciler = Reconciler(
                stores.ledger,
                pipeline.follow_up,
                catalog,
                telemetry=lanes.telemetry,
                clock=lambda: _now(clock),
            )
            async with admin_means(
                pipeline,
                callers=pipeline.callers,
                stores=stores,
                blobs=blobs,
                producer=producer,
                reconciler=reconciler,
            ) as admin:
                yield Opened(
                    pipeline=pipeline,
                    reconciler=reconciler,
                    events=no_events(pipeline, producer),
                    admin=admin,
                )

        # The emulator and the test use the loop's executor.
        app = create_app(settings, opened, LanesSettings(refuse_default_executor=False))
        await stack.enter_async_context(app.router.lifespan_context(app))
        sender.app = EmbeddedSender(app, clock=clock)
        stack.push_async_callback(sender.app.aclose)
        yield VirtualStage(
            clock=clock, emulator=emulator, producer=producer, stores=stores, statuses=sender.statuses
        )


class _Watched:
    """Tells of every dispatch and hands it to the app."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self.app: EmbeddedSender | None = None
        self.statuses: Counter[int] = Counter()

    async def send(self, request: HttpRequest, deadline: float) -> End:
        if self.app is None:
            raise AssertionError("nothing is dispatched before the handlers are open")
        if self._watch is not None:
            self._watch(request)
        end = await self.app.send(request, deadline)
        self.statuses[end.status if isinstance(end, Response) else 0] += 1
        return end


class _InProcessTasks:
    """A producer's way to the emulator, without a socket."""

    def __init__(self, client: CloudTasksAsyncClient) -> None:
        self._client = client

    async def open(self) -> None:
        return

    async def aclose(self) -> None:
        return

    async def delete(self, name: str) -> bool:
        raise AssertionError(f"nothing is cancelled on this stage: {name}")

    async def create_many(self, requests: Sequence[Any]) -> Sequence[bool | None]:
        return [await self.create(request) for request in requests]

    async def create(self, request: Any) -> bool:
        try:
            await self._client.create_task(request=CreateTaskRequest.wrap(request), retry=None)
        except AlreadyExists:
            return False
        return True


class _NoTopics:
    """Nothing dies on this stage."""

    async def open(self) -> None:
        return

    async def aclose(self) -> None:
        return

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        raise AssertionError(f"a dead letter: {topic}, {dict(attributes)}, {data[:200]!r}")


def _now(clock: VirtualClock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
