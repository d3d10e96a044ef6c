"""Endpoints that fail for days, through the whole pipeline: disabled, their owners told, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from contracts import Notification, Task
from handlers.delivery import End, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from handlers.endpoint_health import EndpointHealth
from handlers.health import Cause, Keeper
from producers import Unreachable
from stores import Health
from tests.handlers.conftest import START, Note, Service
from tests.handlers.test_pipeline import ending
from tests.handlers.test_shared_targets import MayBeAway

TARGET = Note(id="0", realtime=False).target()
FAILED = TargetFailed("answered 500")
GONE = TargetRefused(Reason.GONE, "answered 410 Gone")


class Kept:
    """A service that keeps the health of the endpoint of notes, whose owner is u."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.states = MayBeAway(service.states)
        self.told: list[Notification] = []
        self.tell_fails = False
        self._notes = 0
        self.keeping = self._keeping()
        self.pipeline = replace(service.pipeline, health=self.keeping)

    def _keeping(self) -> EndpointHealth:
        async def keeper(_: Note) -> Keeper:
            return Keeper(uid="u", endpoint="notebook")

        async def tell(tasks: tuple[Task, ...]) -> None:
            if self.tell_fails:
                raise Unreachable("Cloud Tasks is away")
            self.told += [task for task in tasks if isinstance(task, Notification)]

        service = self.service
        return EndpointHealth(
            self.states, service.pipeline.targets, {Note.name: keeper}, tell=tell, clock=service.clock
        )

    async def attempt(self, end: End | None = None, *, realtime: bool = False) -> str:
        """What becomes of a new task whose attempt would end so."""
        if end is not None:
            self.service.effect = ending(end)
        self._notes += 1
        envelope = self.service.seal(Note(id=str(self._notes), realtime=realtime))
        return (await self.pipeline.handle(self.service.request(envelope))).word

    async def attempts(self, end: End, *, hours: float, every: float = 6.0) -> None:
        """One every so many hours, the first now; ends on the clock's last one."""
        for _ in range(int(hours / every)):
            await self.attempt(end)
            self.service.clock.forward(hours=every)

    async def health(self) -> Health:
        return await self.states.health(TARGET)

    def percents(self) -> list[str]:
        return [notification.data["percent"] for notification in self.told]


@pytest.fixture
def kept(service: Service) -> Kept:
    return Kept(service)


async def test_an_endpoint_that_fails_for_five_days_is_disabled_and_its_owner_told_on_the_way(
    kept: Kept,
) -> None:
    await kept.attempts(FAILED, hours=120)
    assert kept.percents() == ["50", "70", "90"]
    assert await kept.attempt(FAILED) == "retry"
    assert kept.percents() == ["50", "70", "90", "100"]
    assert {notification.uid for notification in kept.told} == {"u"}
    assert (await kept.health()).disabled_for == Cause.FAILING


async def test_nothing_is_sent_to_a_disabled_endpoint_and_nothing_is_lost(kept: Kept) -> None:
    await kept.attempt(GONE)
    runs = len(kept.service.runs)
    assert await kept.attempt(Returned()) == "dead"
    assert await kept.attempt(Returned(), realtime=True) == "skipped"
    assert len(kept.service.runs) == runs
    assert [letter.reason for letter in kept.service.letters()] == ["gone", "endpoint-disabled"]


@pytest.mark.parametrize(
    ("end", "cause"),
    [(GONE, Cause.GONE), (TargetRefused(Reason.ENDPOINT_DISABLED, "answered 403"), Cause.ASKED)],
)
async def test_one_that_wants_no_more_is_disabled_at_once(kept: Kept, end: End, cause: Cause) -> None:
    assert await kept.attempt(end) == "dead"
    assert (await kept.health()).disabled_for == cause
    assert kept.percents() == ["100"]


async def test_a_success_in_between_ends_it(kept: Kept) -> None:
    """I6."""
    await kept.attempts(FAILED, hours=72)
    await kept.attempt(Returned())
    await kept.attempts(FAILED, hours=54)
    assert await kept.attempt(FAILED) == "retry"
    assert (await kept.health()).disabled_at is None
    assert kept.percents() == ["50"]


async def test_what_an_endpoint_can_be_called_while_it_is_dead_is_bounded(kept: Kept) -> None:
    """I11: 3,282 attempts in 30 minutes. Here a breaker leaves one in 30 seconds."""
    for _ in range(600):
        await kept.attempt(FAILED)
        kept.service.clock.forward(seconds=1)
    assert len(kept.service.runs) <= 5 + 20


async def test_who_dies_between_telling_and_writing_tells_again_under_the_same_identity(kept: Kept) -> None:
    written = kept.states.change_health

    async def dies(target: str, change: Callable[[Health], Health]) -> Health:
        raise ConnectionError("the process died here")

    await kept.attempts(FAILED, hours=60)
    kept.states.change_health = dies  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await kept.attempt(FAILED)
    kept.states.change_health = written  # type: ignore[method-assign]
    kept.service.clock.forward(seconds=40)
    assert await kept.attempt(FAILED) == "retry"
    assert kept.percents() == ["50", "50"]
    assert len({notification.identity() for notification in kept.told}) == 1
    await kept.attempts(FAILED, hours=18)
    assert kept.percents() == ["50", "50"]


async def test_an_owner_who_could_not_be_told_is_told_by_the_next_failure(kept: Kept) -> None:
    await kept.attempts(FAILED, hours=60)
    kept.tell_fails = True
    assert await kept.attempt(FAILED) == "retry"
    assert (await kept.health()).told == 0
    kept.tell_fails = False
    kept.service.clock.forward(minutes=5)
    await kept.attempt(FAILED)
    assert (kept.percents(), (await kept.health()).told) == (["50"], 50)


async def test_two_instances_tell_the_same(kept: Kept, service: Service) -> None:
    other = Kept(service)
    await kept.attempts(FAILED, hours=60)
    queue = service.pipeline.catalog.get("developer-webhooks")
    note = Note(id="at-once", realtime=False)
    await asyncio.gather(*(each.keeping.judge(note, queue, FAILED) for each in (kept, other)))
    assert kept.percents() == other.percents() == ["50"]
    assert len({notification.identity() for notification in (*kept.told, *other.told)}) == 1


async def test_with_the_store_away_attempts_end_as_ever(kept: Kept) -> None:
    kept.states.is_away = True
    assert await kept.attempt(FAILED) == "retry"
    assert await kept.attempt(GONE) == "dead"
    assert await kept.attempt(Returned()) == "done"
    kept.states.is_away = False
    assert await kept.health() == Health()


async def test_what_has_no_endpoint_of_a_user_is_never_disabled(kept: Kept, service: Service) -> None:
    nobody = EndpointHealth(
        service.states,
        service.pipeline.targets,
        {},
        tell=service.pipeline.follow_up.derive,
        clock=service.clock,
    )
    kept.pipeline = replace(service.pipeline, health=nobody)
    assert await kept.attempt(GONE) == "dead"
    assert await kept.attempt(Returned()) == "done"


async def test_a_paused_endpoint_keeps_its_health(kept: Kept) -> None:
    await kept.attempt(FAILED)
    kept.service.clock.forward(days=6)
    assert await kept.attempt(OwnerPaused()) == "dead"
    assert (await kept.health()).failing_since == START
