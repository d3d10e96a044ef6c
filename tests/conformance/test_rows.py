"""Every row of rows/*.yaml by every driver that can make its call; a row is data, not code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conformance.calls import find_call, transcoded
from tests.conformance.drivers import CallFailed, Driver, HttpDriver
from tests.conformance.matching import differences, filled
from tests.conformance.row import Expected, Row, rows
from tests.conformance.service import IS_REAL, Service

ROWS = rows()
EXAMPLE = (
    {"name": "n", "project": "p", "location": "projects/p/locations/l"}
    | {name: f"projects/p/locations/l/queues/{name}" for name in ("queue", "other_queue")}
    | {"operation": "projects/p/locations/l/operations/o"}
)


def drivers(row: Row) -> list[str]:
    """Those that can make the row's call: a bad name has no URL, so that REST cannot tell of it."""
    if row.http is not None:
        return ["http"]
    try:
        transcoded(find_call(row.call), filled(row.request, EXAMPLE | topics("p", "x"), now=0))
    except ValueError:
        return ["grpc"]
    return [driver for driver in ("grpc", "rest", "http") if driver not in row.not_by]


def topics(project: str, name: str) -> dict[str, str]:
    return {
        "topic": f"projects/{project}/topics/{name}",
        "other_topic": f"projects/{project}/topics/{name}-other",
        "subscription": f"projects/{project}/subscriptions/{name}",
    }


def variables(service: Service, row: Row, driver: str) -> dict[str, str]:
    """Names of the row's own, so that no row sees what another left."""
    name = re.sub("[^a-z0-9]+", "-", f"{driver}-{row.id}{service.run}".lower())
    location = f"projects/{service.project}/locations/{service.location}"
    return {
        "name": name,
        "project": service.project,
        "location": location,
        "queue": f"{location}/queues/{name}",
        "other_queue": f"{location}/queues/{name}-other",
        **topics(service.project, name),
    }


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("row", "driver"), [pytest.param(row, name, id=f"{row}-{name}") for row in ROWS for name in drivers(row)]
)
async def test_row(service: Service, row: Row, driver: str) -> None:
    if IS_REAL and row.emulator_only:
        pytest.skip(row.emulator_only)
    names = variables(service, row, driver)
    by = service.drivers[driver]
    try:
        await prepare(service, by, row, names)
        expected = row.production if IS_REAL and row.production else row.expected
        found = await outcome(service, by, row, names)
        wanted = filled({"answer": expected.answer, "error": expected.error}, names, now=service.now())
        assert differences(wanted, {"answer": found.answer, "error": found.error}) == []
    finally:
        if IS_REAL:
            await clean_up(by, names)


async def prepare(service: Service, by: Driver, row: Row, names: dict[str, str]) -> None:
    if row.queue:
        await by.call("CreateQueue", {"parent": names["location"], "queue": {"name": names["queue"]}})
    if row.queue == "paused":
        await by.call("PauseQueue", {"name": names["queue"]})
    for step in row.given:
        if step.advance:
            service.advance(step.advance)
            continue
        answer = await by.call(step.call, filled(step.request, names, now=service.now()))
        for name, path in (step.save or {}).items():
            names[name] = field(answer, path)


async def outcome(service: Service, by: Driver, row: Row, names: dict[str, str]) -> Expected:
    try:
        if row.http is None:
            request = filled(row.request, names, now=service.now())
            return Expected(answer=await by.call(row.call, request))
        assert isinstance(by, HttpDriver)
        http = filled(row.http, names, now=service.now())
        return Expected(
            answer=await by.send(
                http["verb"], http["path"], query=http.get("query", ()), body=http.get("body")
            )
        )
    except CallFailed as exc:
        return Expected(error=exc.error)


async def clean_up(by: Driver, names: dict[str, str]) -> None:
    """What a row may have made in the real service; what it did not make is not there to delete."""
    calls = [
        ("DeleteQueue", {"name": names["queue"]}),
        ("DeleteQueue", {"name": names["other_queue"]}),
        ("pubsub.DeleteSubscription", {"subscription": names["subscription"]}),
        ("pubsub.DeleteTopic", {"topic": names["topic"]}),
        ("pubsub.DeleteTopic", {"topic": names["other_topic"]}),
    ]
    for call, request in calls:
        try:
            await by.call(call, request)
        except CallFailed as exc:
            if exc.error["code"] != "NOT_FOUND":
                raise


def field(answer: Any, path: str) -> str:
    for part in path.split("."):
        answer = answer[int(part)] if part.isdecimal() else answer[part]
    assert isinstance(answer, str)
    return answer
