"""Looks, after a fuzz, whether the emulator still works: serves, restarts, drains; it fires nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from google.cloud.tasks_v2 import types as tasks_types
from google.pubsub_v1 import types as pubsub_types

from emulator.errors import NotIdleError
from tests.emulator.fuzz.ground import Findings, Ground, Violation, ground
from tests.emulator.fuzz.resource_names import LOCATION, PROJECT
from tests.emulator.fuzz.resources import call

_TASKS = "google.cloud.tasks.v2.CloudTasks"
_PUBLISHER = "google.pubsub.v1.Publisher"
_SUBSCRIBER = "google.pubsub.v1.Subscriber"
_DRAIN = 120.0
"""Seconds in which all that was accepted goes, target willing."""


class Fuzz(Protocol):
    def __call__(self, ground: Ground, cases: int, *, seed: int | None = None) -> Awaitable[None]: ...


async def fuzz_and_look(folder: Path, fuzz: Fuzz, *, cases: int, seed: int | None = None) -> Findings:
    """Fuzz an emulator on `folder`, then let it work, also after a restart. Returns what was found."""
    findings = Findings()
    async with ground(folder, findings, seed=seed or 0) as before:
        await fuzz(before, cases, seed=seed)
        await _look(before, "before")
        now = before.clock.now()
    async with ground(folder, findings, now=now, makes=False) as after:
        await _look(after, "after")
        await _drain(after)
    async with ground(folder, findings, now=after.clock.now(), makes=False) as last:
        await _look(last, "last")
    return findings


async def _look(ground: Ground, when: str) -> None:
    """An ordinary task is dispatched, an ordinary message delivered, the HTTP port answers."""
    if not await ground.is_healthy():
        _note(ground, f"the HTTP port does not answer {when} the restart")
    await _look_at_a_task(ground, when)
    await _look_at_a_message(ground, when)


async def _look_at_a_task(ground: Ground, when: str) -> None:
    queue = f"{LOCATION}/queues/ordinary-{when}"
    request = tasks_types.CreateQueueRequest(parent=LOCATION, queue=tasks_types.Queue(name=queue))
    await call(ground.emulator, f"{_TASKS}/CreateQueue", request)
    url = f"http://target.example/ordinary/{when}"
    task = tasks_types.CreateTaskRequest(parent=queue, task={"http_request": {"url": url}})
    await call(ground.emulator, f"{_TASKS}/CreateTask", task)
    try:
        await ground.answer_to(ground.emulator.tasks.drained([queue]))
    except TimeoutError:
        _note(ground, f"an ordinary task is stuck {when} the restart")
    if not any(received.target == f"/ordinary/{when}" for received in ground.target.requests):
        _note(ground, f"an ordinary task was not dispatched {when} the restart")


async def _look_at_a_message(ground: Ground, when: str) -> None:
    topic, subscription = f"{PROJECT}/topics/ordinary-{when}", f"{PROJECT}/subscriptions/ordinary-{when}"
    await call(ground.emulator, f"{_PUBLISHER}/CreateTopic", pubsub_types.Topic(name=topic))
    await call(
        ground.emulator,
        f"{_SUBSCRIBER}/CreateSubscription",
        pubsub_types.Subscription(name=subscription, topic=topic),
    )
    published = pubsub_types.PublishRequest(topic=topic, messages=[{"data": b"ordinary"}])
    await call(ground.emulator, f"{_PUBLISHER}/Publish", published)
    pull = pubsub_types.PullRequest(subscription=subscription, max_messages=10)
    pulled = await ground.answer_to(call(ground.emulator, f"{_SUBSCRIBER}/Pull", pull))
    if [each.message.data for each in pulled.received_messages] != [b"ordinary"]:
        _note(ground, f"an ordinary message was not delivered {when} the restart")


async def _drain(ground: Ground) -> None:
    """All that was accepted goes or ends, once its queue runs and its target takes it."""
    emulator = ground.emulator
    for queue in emulator.tasks.queues():
        await call(emulator, f"{_TASKS}/ResumeQueue", tasks_types.ResumeQueueRequest(name=queue.name))
    try:
        await emulator.drain(timeout=_DRAIN)
    except NotIdleError as error:
        _note(ground, f"stuck: {error}")
    statistics = emulator.tasks.statistics()
    if statistics.in_flight or statistics.forced_in_flight:
        _note(ground, f"attempts never ended: {statistics}")
    for queue in emulator.tasks.queues():
        listed = await call(emulator, f"{_TASKS}/ListTasks", tasks_types.ListTasksRequest(parent=queue.name))
        if listed.tasks:
            _note(ground, f"{len(listed.tasks)} tasks left in a drained queue", str(listed.tasks[0])[:500])


def _note(ground: Ground, what: str, case: str = "after all cases") -> None:
    ground.findings.violations.append(Violation(what, case))
