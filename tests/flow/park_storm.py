"""A target dies under its tasks for half an hour, in virtual time: real pipeline, ledger and emulator.

Figures alone; who runs it says what they must be. Everything but time is real, and the attempts take none.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.api_core.exceptions import AlreadyExists
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateTaskRequest

from cli.up import queue_resources
from contracts import Catalog, Envelope, TaskRegistry
from emulator import EmbeddedSender, Emulator, EmulatorSettings, End, HttpRequest, Response, VirtualClock
from emulator.clients import cloud_tasks_client
from handlers import delivery
from handlers.app import create_app
from handlers.effect import Delivery
from handlers.follow_up import FollowUp
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.opening import Opened
from handlers.pipeline import Pipeline
from handlers.settings import HandlerSettings
from handlers.targets import Targets
from lanes import HttpLane, Lanes
from producers import Producer
from stores.sqlite import open_sqlite
from tests.flow.letters import Letter, letters_catalog

PARENT = "projects/sidelane-local/locations/us-central1"
DEAD_FOR = 1800.0
"""Seconds."""
ARRIVE_IN = 25.0
"""Seconds in which the tasks of the dying target are accepted."""
OTHERS_EVERY = 10.0
"""Seconds between two tasks of other targets, from the first moment on."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    at: float
    """Seconds since the storm began."""
    to: str
    number: int
    queue: str
    parks: int
    attempt: int


@dataclass
class Storm:
    """What was seen."""

    tasks: int
    per_second: float
    """The rate of their target."""
    dispatches: list[Dispatch] = field(default_factory=list)
    failed: int = 0
    """Attempts that reached the dead target."""
    delivered: Counter[str] = field(default_factory=Counter)
    """By identity."""
    statuses: Counter[int] = field(default_factory=Counter)
    """What the handlers answered the queue."""

    def of_dead(self) -> Sequence[Dispatch]:
        return [each for each in self.dispatches if each.to == "dead"]

    def came_back(self) -> Sequence[float]:
        """When tasks of the dead target came back while it was dead: parked ones, and retries of probes."""
        return [each.at for each in self.of_dead() if each.queue == "letters-retry" and each.at < DEAD_FOR]

    def most_within(self, seconds: float) -> int:
        """The most of them in any stretch of so many seconds."""
        moments = self.came_back()
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def drained_in(self) -> float:
        """Seconds from the recovery to the last dispatch of the target."""
        return max(each.at for each in self.of_dead()) - DEAD_FOR

    @property
    def ideal(self) -> float:
        """Seconds that the tasks take at their target's rate; the `-retry` queue would let more through."""
        return self.tasks / self.per_second

    def worst_delay_of_others(self) -> float:
        """Seconds that a first attempt of another target came after it was due."""
        return max(each.at - OTHERS_EVERY * each.number for each in self.dispatches if each.to != "dead")

    def sentence(self) -> str:
        return (
            f"{self.tasks} tasks at {self.per_second:g} a second, their target dead for {DEAD_FOR:g} s: "
            f"{len(self.dispatches)} dispatches, "
            f"{len(self.came_back()) / DEAD_FOR:.3g} a second while dead and at most "
            f"{self.most_within(1.0)} in one, {self.failed} attempts failed, drained in "
            f"{self.drained_in():.0f} s of ideally {self.ideal:g}; first attempts of others were at most "
            f"{self.worst_delay_of_others() * 1000:.0f} ms late"
        )


async def storm(folder: Path, *, tasks: int, per_second: float, seed: int, timeout: float) -> Storm:
    """Let it pass, within `timeout` seconds of real time; `per_second` is the rate of each target."""
    clock = VirtualClock()
    seen = Storm(tasks, per_second)
    catalog = await asyncio.to_thread(letters_catalog, folder / "queues.yaml", per_second)
    async with _opened(folder, catalog, clock, seen, random.Random(seed)) as (emulator, producer):
        began = _now(clock)
        for number in range(tasks):
            at = began + timedelta(seconds=ARRIVE_IN * number / tasks)
            await producer.enqueue(Letter(to="dead", number=number), schedule_at=at)
        for number in range(int((DEAD_FOR + 2 * seen.ideal) / OTHERS_EVERY)):
            at = began + timedelta(seconds=OTHERS_EVERY * number)
            await producer.enqueue(Letter(to=f"well-{number % 5}", number=number), schedule_at=at)
        await emulator.drain(timeout=timeout)
    return seen


class _Watched:
    """Notes every dispatch and hands it to the app."""

    def __init__(self, clock: VirtualClock, seen: Storm) -> None:
        self._clock = clock
        self._began = clock.now()
        self._seen = seen
        self.app: EmbeddedSender | None = None

    async def send(self, request: HttpRequest, deadline: float) -> End:
        if self.app is None:
            raise AssertionError("nothing is dispatched before the handlers are open")
        envelope = Envelope.decode(request.body)
        letter = Letter.from_payload(envelope.payload, envelope.version)
        headers: Mapping[str, str] = {name.lower(): value for name, value in request.headers.items()}
        self._seen.dispatches.append(
            Dispatch(
                at=self._clock.now() - self._began,
                to=letter.to,
                number=letter.number,
                queue=headers["x-cloudtasks-queuename"],
                parks=envelope.park,
                attempt=envelope.attempt,
            )
        )
        end = await self.app.send(request, deadline)
        self._seen.statuses[end.status if isinstance(end, Response) else 0] += 1
        return end


class _InProcessTasks:
    """A producer's way to the emulator, without a socket."""

    def __init__(self, client: CloudTasksAsyncClient) -> None:
        self._client = client

    async def open(self) -> None:
        return

    async def aclose(self) -> None:
        return

    async def create(self, request: Any) -> bool:
        try:
            await self._client.create_task(request=CreateTaskRequest.wrap(request), retry=None)
        except AlreadyExists:
            return False
        return True


class _NoTopics:
    """Nothing dies in this storm."""

    async def open(self) -> None:
        return

    async def aclose(self) -> None:
        return

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        raise AssertionError(f"a dead letter: {topic}, {dict(attributes)}, {data[:200]!r}")


@asynccontextmanager
async def _opened(
    folder: Path, catalog: Catalog, clock: VirtualClock, seen: Storm, chance: random.Random
) -> AsyncIterator[tuple[Emulator, Producer]]:
    dies_at, well_at = clock.now(), clock.now() + DEAD_FOR
    watched = _Watched(clock, seen)

    async def effect(letter: Letter, _: Delivery) -> delivery.End:
        if letter.to == "dead" and dies_at <= clock.now() < well_at:
            seen.failed += 1
            return delivery.TargetFailed("answered 503")
        seen.delivered[letter.identity()] += 1
        return delivery.Returned()

    registry = TaskRegistry([Letter])
    async with AsyncExitStack() as stack:
        emulator = Emulator(
            EmulatorSettings(data_dir=folder / "emulator", tasks_port=None, pubsub_port=None, http_port=0),
            queues=queue_resources(catalog, PARENT),
            clock=clock,
            sender=watched,
            chance=chance,
        )
        await stack.enter_async_context(emulator)
        stores = await stack.enter_async_context(open_sqlite(folder / "stores.sqlite3"))
        lane = await stack.enter_async_context(HttpLane(CERTIFICATES_LANE))
        settings = HandlerSettings(oidc_certs_url=f"http://{emulator.addresses.http}/oauth2/v1/certs")
        client = await cloud_tasks_client(emulator.channel)
        producer = Producer(
            settings,
            catalog,
            registry,
            clock=lambda: _now(clock),
            tasks=_InProcessTasks(client),
            topics=_NoTopics(),
        )
        await stack.enter_async_context(producer)

        @asynccontextmanager
        async def opening(_: HandlerSettings, lanes: Lanes) -> AsyncIterator[Opened]:
            pipeline = Pipeline(
                callers=Callers(
                    Certificates(settings.oidc_certs_url, lane),
                    audience=settings.audience,
                    emails=frozenset({settings.invoker_email}),
                ),
                catalog=catalog,
                registry=registry,
                ledger=stores.ledger,
                effects={Letter.name: effect},
                targets=Targets(clock=lambda: _now(clock), random=chance.random, telemetry=lanes.telemetry),
                follow_up=FollowUp(producer),
                telemetry=lanes.telemetry,
                clock=lambda: _now(clock),
                luck=chance.random,
            )
            yield Opened(pipeline=pipeline)

        # The emulator and the test use the loop's executor.
        stack.enter_context(patch.dict(os.environ, SIDELANE_REFUSE_DEFAULT_EXECUTOR="false"))
        app = create_app(settings, opening)
        await stack.enter_async_context(app.router.lifespan_context(app))
        watched.app = EmbeddedSender(app, clock=clock)
        stack.push_async_callback(watched.app.aclose)
        yield emulator, producer


def _now(clock: VirtualClock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
