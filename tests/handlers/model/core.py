"""The real pipeline on the model's ports, and the world of its one task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from contracts import Catalog, Envelope, Queue, TaskRegistry
from handlers.delivery import Busy, End
from handlers.effect import Delivery
from handlers.follow_up import FollowUp
from handlers.identity import Callers
from handlers.pipeline import Pipeline
from handlers.targets import Call, Targets
from lanes import Telemetry
from stores import Blobs, Ledger
from tests.handlers.conftest import Note
from tests.handlers.model.explore import Explored, Promise, explore
from tests.handlers.model.requests import AskedLedger, AskedOutbox, Ports, Requests, side_effect
from tests.handlers.model.world import Budget, World

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTE = Note(id="n1", realtime=False)
QUEUE = "developer-webhooks"

LIMITS = {"max_dispatches_per_second": 1, "max_concurrent_dispatches": 1}
DELIVERY = {
    "schedule": ["0s"],
    "jitter": 0,
    "bug_attempts": 2,
    "max_starts": 3,
    "age_limit": "86400s",
    "skew_age": "60s",
    "skew_delay": "1s",
    "deadline": "5s",
    "realtime": False,
    "max_concurrent_per_target": 1,
    "max_per_second_per_target": 1,
    "breaker_failures": 1,
    "breaker_open_for": "1s",
}


def catalog(*, max_attempts: int, exclusive: bool, quarantine: bool) -> Catalog:
    def queue(name: str, **more: Any) -> Queue:
        return Queue.model_validate(
            {
                "name": name,
                "rate_limits": LIMITS,
                "retry_rate_limits": LIMITS,
                "retry": {"max_attempts": -1, "min_backoff": "1s", "max_backoff": "1s", "max_doublings": 1},
                "delivery": {**DELIVERY, "max_attempts": max_attempts, "exclusive": exclusive},
                "dispatch_deadline": "30s",
                "inline_limit_bytes": 100_000,
                "dead_letter_topic": "dead",
                **more,
            }
        )

    queues = [queue(QUEUE), queue("developer-webhooks-realtime")]
    queues += [queue("quarantine", quarantine=True)] if quarantine else []
    return Catalog({each.name: each for each in queues}, "the model's catalog")


class Anyone(Callers):
    """Lets everybody call."""

    def __init__(self) -> None:
        return

    async def check(self, authorization: str | None) -> str:
        return "anyone"


class AskedTargets(Targets):
    """Has room or has none, as the model wants."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def of(self, queue: Queue) -> Any:
        return self

    async def run(self, call: Call, effect: Callable[[], Awaitable[End]]) -> End:
        busy: Busy | None = await self._ports.ask("bound")
        return busy or await effect()


Wrap = Callable[[Pipeline], Pipeline]


@contextmanager
def opened(
    *,
    max_attempts: int = 2,
    exclusive: bool = False,
    quarantine: bool = False,
    wrap: Wrap = lambda pipeline: pipeline,
) -> Iterator[World]:
    """The world of a task that was just enqueued; `wrap` may put a fault into the pipeline."""
    queues = catalog(max_attempts=max_attempts, exclusive=exclusive, quarantine=quarantine)
    registry = TaskRegistry([Note])
    telemetry = Telemetry()

    def build(ports: Ports, token: str) -> Pipeline:
        async def effect(_: Note, delivery: Delivery) -> End:
            return await side_effect(ports, delivery)

        ledger = cast("Ledger", AskedLedger(ports))
        return wrap(
            Pipeline(
                callers=Anyone(),
                catalog=queues,
                registry=registry,
                ledger=ledger,
                blobs=cast("Blobs", None),  # the task is small and travels whole
                effects={Note.name: effect},
                targets=AskedTargets(ports),
                follow_up=FollowUp(AskedOutbox(ports), ledger),
                telemetry=telemetry,
                clock=ports.clock,
                luck=lambda: 0.5,
                token=lambda: token,
            )
        )

    requests = Requests(build)
    try:
        follows = Note(id="follows", realtime=True)
        yield World(Envelope.seal(NOTE, accepted_at=NOW), QUEUE, requests, follows)
    finally:
        requests.close()


def check(
    budget: Budget,
    *,
    max_attempts: int = 2,
    exclusive: bool = False,
    quarantine: bool = False,
    wrap: Wrap = lambda pipeline: pipeline,
    limit: int = 5_000_000,
) -> Explored:
    """Explore all of it, or `limit` states. Raises `Violation`."""
    with opened(max_attempts=max_attempts, exclusive=exclusive, quarantine=quarantine, wrap=wrap) as world:
        return explore(world, world.begin(NOW, budget), Promise(max_attempts=max_attempts), limit=limit)
