"""A handlers service whose side effects a test scripts: real app, real ledger, real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI
from google.cloud import tasks_v2

from contracts import AppWebhook, Catalog, DeadLetter, Envelope, Task, TaskRegistry, load_catalog
from handlers.app import create_app
from handlers.arrival import TaskRequest
from handlers.delivery import End, Returned
from handlers.effect import Delivery
from handlers.events import Events
from handlers.fan_out import fan_outs_to
from handlers.follow_up import FollowUp
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.opening import Opened
from handlers.pipeline import Pipeline
from handlers.reconciler import Reconciler
from handlers.settings import HandlerSettings
from handlers.targets import Targets
from lanes import HttpLane, Lanes, Telemetry
from producers.testing import RecordingProducer, recording
from stores import Apps, Ledger, Stores, TargetStates
from stores.blob_location import open_blobs
from stores.sqlite import open_sqlite
from tests.handlers.admin_means import admin_means
from tests.handlers.tokens import AUDIENCE, EMAIL, EVENT_AUDIENCE, EVENT_PUSHER, Issuer
from tests.receiver import answering, receiver

ADMIN = "sre@example.com"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Note(Task):
    """A side effect of these tests."""

    name: ClassVar[str] = "note"
    version: ClassVar[int] = 2
    queue: ClassVar[str] = "developer-webhooks"
    alternate_queues: ClassVar[tuple[str, ...]] = ("developer-webhooks-realtime",)
    upcasters = {1: lambda fields: {**fields, "realtime": False}}  # noqa: RUF012  (a constant of the class)

    id: str
    realtime: bool

    def identity(self) -> str:
        return self.id

    def target(self) -> str:
        return "notebook"

    def owner(self) -> str:
        return "u1"

    def route(self) -> str:
        return self.alternate_queues[0] if self.realtime else self.queue


@dataclass(slots=True)
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


async def _returned(_: Note, __: Delivery) -> End:
    return Returned()


@dataclass
class Service:
    """The service under test and what stands around it."""

    app: FastAPI
    client: httpx.AsyncClient
    producer: RecordingProducer
    ledger: Ledger
    clock: Clock
    issuer: Issuer
    pipeline: Pipeline
    states: TargetStates
    apps: Apps
    stores: Stores
    effect: Callable[[Note, Delivery], Awaitable[End]] = _returned
    runs: list[Delivery] = field(default_factory=list)

    async def post(
        self,
        body: bytes,
        *,
        task_type: str = "note",
        token: str | None = None,
        queue: str = "developer-webhooks",
        task_name: str = "t1",
        retries: int = 0,
        due: str = "",
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {token or self.issuer.token()}",
            "X-CloudTasks-QueueName": queue,
            "X-CloudTasks-TaskName": task_name,
            "X-CloudTasks-TaskRetryCount": str(retries),
            "X-CloudTasks-TaskETA": due,
        }
        return await self.client.post(f"/tasks/{task_type}", content=body, headers=headers)

    async def post_note(self, note: Note) -> httpx.Response:
        return await self.post(self.seal(note).encode())

    def request(self, envelope: Envelope) -> TaskRequest:
        """The same request, for a pipeline without its app."""
        return TaskRequest(
            type=envelope.type,
            body=envelope.encode(),
            authorization=f"Bearer {self.issuer.token()}",
            cloud_queue="developer-webhooks",
            task_name="t1",
        )

    def seal(self, note: Note) -> Envelope:
        return Envelope.seal(note, accepted_at=self.clock.now)

    def created(self) -> list[tuple[str, Envelope, tasks_v2.Task]]:
        """What was enqueued as follow-up: the queue, the envelope, the Cloud Task."""
        return [
            (task.name.split("/")[-3], Envelope.decode(task.http_request.body), task)
            for task in self.producer.created
        ]

    def letters(self) -> list[DeadLetter]:
        return [DeadLetter.from_message(each.data, each.attributes) for each in self.producer.published]


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(Path("infra/terraform/queues.yaml"))


@pytest.fixture(autouse=True)
def shared_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The service runs on the loop of its test, whose default executor others need."""
    monkeypatch.setenv("SIDELANE_BLOBS", str(tmp_path / "blobs"))
    monkeypatch.setenv("SIDELANE_REFUSE_DEFAULT_EXECUTOR", "false")


@pytest.fixture
async def service(tmp_path: Path, issuer: Issuer, catalog: Catalog) -> AsyncIterator[Service]:
    registry = TaskRegistry([Note, AppWebhook])
    clock = Clock()
    async with AsyncExitStack() as stack:
        certificates = await stack.enter_async_context(receiver(answering(200, body=issuer.certificates())))
        lane = await stack.enter_async_context(HttpLane(CERTIFICATES_LANE))
        stores = await stack.enter_async_context(open_sqlite(tmp_path / "stores.sqlite3"))
        blobs = await stack.enter_async_context(open_blobs(str(tmp_path / "blobs"), project="p"))
        producer = await stack.enter_async_context(recording(catalog, registry))

        known = Certificates(certificates.url, lane)

        async def run(note: Any, delivery: Delivery) -> End:
            under_test.runs.append(delivery)
            return await under_test.effect(note, delivery)

        pipeline = Pipeline(
            callers=Callers(known, audience=AUDIENCE, emails=frozenset({EMAIL})),
            catalog=catalog,
            registry=registry,
            ledger=stores.ledger,
            blobs=blobs,
            effects={Note.name: run},
            targets=Targets(stores.targets, clock=clock, random=lambda: 0.0, telemetry=Telemetry()),
            follow_up=FollowUp(producer, stores.ledger),
            telemetry=Telemetry(),
            clock=clock,
            luck=lambda: 0.5,
        )

        @asynccontextmanager
        async def opening(_: HandlerSettings, lanes: Lanes) -> AsyncIterator[Opened]:
            targets = Targets(stores.targets, clock=clock, random=lambda: 0.0, telemetry=lanes.telemetry)
            reconciler = Reconciler(
                stores.ledger, pipeline.follow_up, catalog, telemetry=lanes.telemetry, clock=clock
            )
            events = Events(
                callers=Callers(known, audience=EVENT_AUDIENCE, emails=frozenset({EVENT_PUSHER})),
                catalog=catalog,
                fan_outs=fan_outs_to(stores.apps),
                outbox=producer,
                telemetry=lanes.telemetry,
                clock=clock,
            )
            told = replace(pipeline, telemetry=lanes.telemetry, targets=targets)
            async with admin_means(
                told,
                callers=Callers(known, audience=AUDIENCE, emails=frozenset({ADMIN})),
                stores=stores,
                blobs=blobs,
                producer=producer,
                reconciler=reconciler,
            ) as admin:
                yield Opened(pipeline=told, reconciler=reconciler, events=events, admin=admin)

        app = create_app(HandlerSettings(), opening)
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://handlers.test")
        )
        under_test = Service(
            app,
            client,
            producer,
            stores.ledger,
            clock,
            issuer,
            pipeline,
            stores.targets,
            stores.apps,
            stores,
        )
        yield under_test
