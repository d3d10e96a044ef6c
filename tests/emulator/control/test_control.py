"""Statistics, attempts, dead tasks, drain and clock over /emulator/v1/."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import aiohttp
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator import AdjustableClock, Emulator
from tests.emulator.control.conftest import Answer, Call
from tests.emulator.running import OTHER_QUEUE, QUEUE, Running, queue, task
from tests.emulator.target import Target


@dataclass(frozen=True, slots=True)
class Waiting:
    """A drain that waits: its answer to come, and the end of the waiting."""

    answer: asyncio.Task[Answer]
    ended: asyncio.Event


async def test_statistics_of_queues_are_in_the_fields_of_queue_stats(
    call: Call, client: CloudTasksAsyncClient, emulator: Emulator
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t"))
    answer = await call("GET", f"{QUEUE}/stats")
    assert answer.status == 200
    arrival = answer.body.pop("oldestEstimatedArrivalTime")
    assert datetime.fromisoformat(arrival).timestamp() <= emulator.clock.now()
    assert answer.body == {
        "tasksCount": "1",
        "executedLastMinuteCount": "0",
        "concurrentDispatchesCount": "0",
        "effectiveExecutionRate": 500.0,
    }
    queues = (await call("GET", "queues")).body["queues"]
    assert [(each["name"], each["state"], each["stats"]["tasksCount"]) for each in queues] == [
        (OTHER_QUEUE, "RUNNING", "0"),
        (QUEUE, "PAUSED", "1"),
    ]
    missing = await call("GET", f"{QUEUE}-not/stats")
    assert missing.status == 404
    assert missing.body["error"]["status"] == "NOT_FOUND"


async def test_a_dead_task_is_shown_with_its_attempts_and_goes_again(
    call: Call, client: CloudTasksAsyncClient, target: Target
) -> None:
    target.will_answer([500])
    await client.create_task(parent=QUEUE, task=task("t", body=b"payload"))
    assert (await call("POST", "drain")).body == {}
    [dead] = (await call("GET", "dead")).body["tasks"]
    assert dead["name"] == f"{QUEUE}/tasks/t"
    assert dead["task"]["httpRequest"]["body"] == "cGF5bG9hZA=="
    [attempt] = dead["attempts"]
    assert (attempt["number"], attempt["responseStatus"]) == (1, 500)
    assert (await call("GET", f"{QUEUE}/tasks/t/attempts")).body["attempts"] == [attempt]
    assert (await call("POST", f"{QUEUE}/tasks/t:requeue")).body == {}
    await call("POST", "drain")
    assert len(target.requests) == 2
    assert (await call("GET", "dead", queue=QUEUE)).body == {"tasks": []}
    again = await call("POST", f"{QUEUE}/tasks/t:requeue")
    assert (again.status, again.body["error"]["status"]) == (404, "NOT_FOUND")


async def test_the_console_page_shows_dead_tasks_and_rates(
    call: Call, client: CloudTasksAsyncClient, target: Target, emulator: Emulator
) -> None:
    target.will_answer([500])
    await client.create_task(parent=QUEUE, task=task("t"))
    await call("POST", "drain")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{emulator.addresses.http}/") as response,
    ):
        page = await response.text()
    assert f"<td>{QUEUE}/tasks/t</td>" in page
    assert "<td>500/s</td>" in page


async def test_dead_tasks_come_in_pages_and_can_be_discarded(
    call: Call, client: CloudTasksAsyncClient, target: Target
) -> None:
    target.will_answer([500] * 3)
    for name in "abc":
        await client.create_task(parent=QUEUE, task=task(name))
        await call("POST", "drain")
    first = (await call("GET", "dead", pageSize="2")).body
    rest = (await call("GET", "dead", pageToken=first["nextPageToken"])).body
    names = [dead["name"][-1] for page in (first, rest) for dead in page["tasks"]]
    assert names == ["a", "b", "c"]
    assert "nextPageToken" not in rest
    assert (await call("POST", f"{QUEUE}/tasks/b:discard")).status == 200
    left = (await call("GET", "dead", queue=QUEUE)).body["tasks"]
    assert [dead["name"][-1] for dead in left] == ["a", "c"]


async def test_a_drain_that_does_not_end_says_what_waits(
    call: Call, client: CloudTasksAsyncClient, target: Target
) -> None:
    target.is_holding = True
    await client.create_task(parent=QUEUE, task=task("t"))
    answer = await call("POST", "drain", timeout="0.05")
    assert (answer.status, answer.body["error"]["status"]) == (504, "DEADLINE_EXCEEDED")
    assert f"not idle after 0.05 s: {QUEUE} (0 waiting, 1 under way)" in answer.message


@pytest.fixture
async def waiting(
    call: Call,
    client: CloudTasksAsyncClient,
    target: Target,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Waiting:
    target.is_holding = True
    await client.create_task(parent=QUEUE, task=task("t"))
    begun, ended = asyncio.Event(), asyncio.Event()
    drained = emulator.tasks.drained

    async def noted() -> None:
        begun.set()
        try:
            await drained()
        finally:
            ended.set()

    monkeypatch.setattr(emulator.tasks, "drained", noted)
    answer = asyncio.create_task(call("POST", "drain", timeout="600"))
    await begun.wait()
    return Waiting(answer, ended)


async def test_a_drain_ends_when_its_caller_leaves(waiting: Waiting) -> None:
    waiting.answer.cancel()
    async with asyncio.timeout(20):
        await waiting.ended.wait()


async def test_a_drain_that_waits_is_told_of_the_emulators_end(
    waiting: Waiting, target: Target, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    await emulator.aclose()
    answer = await waiting.answer
    assert (answer.status, answer.body["error"]["status"]) == (503, "UNAVAILABLE")
    assert answer.message == "The emulator is shutting down."
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_moving_the_clock_makes_the_next_attempt_due(
    call: Call, client: CloudTasksAsyncClient, target: Target, clock: AdjustableClock
) -> None:
    target.will_answer([500])
    await client.create_task(parent=OTHER_QUEUE, task=task())
    await target.received(1)
    assert (await call("POST", "drain", timeout="0.05")).status == 504  # recorded, and waits for an hour
    answer = await call("POST", "clock:advance", {"seconds": 3601})
    assert answer.body["aheadSeconds"] == 3601
    assert datetime.fromisoformat(answer.body["now"]).timestamp() == pytest.approx(clock.now(), abs=60)
    await target.received(2)
    assert (await call("GET", "clock")).body["aheadSeconds"] == 3601


async def test_a_clock_that_cannot_be_moved_says_so(running: Running) -> None:
    async with (
        running(queues=[queue()]) as emulator,
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{emulator.addresses.http}/emulator/v1/clock:advance", json={"seconds": 1}
        ) as response,
    ):
        error = (await response.json())["error"]
    assert error["status"] == "FAILED_PRECONDITION"
    assert "clock=AdjustableClock()" in error["message"]


@pytest.mark.parametrize(
    ("verb", "path", "body", "query", "message"),
    [
        ("POST", "drain", None, {"timeout": "soon"}, "timeout must be a number from 0 to 3600, not 'soon'"),
        ("POST", "drain", None, {"timeout": "nan"}, "timeout must be a number"),
        ("GET", "dead", None, {"pageSize": "5000"}, "pageSize must be a number from 0 to 1000"),
        ("GET", "dead", None, {"pageToken": "x"}, "The page token is invalid"),
        ("POST", "clock:advance", {"seconds": -1}, {}, "seconds must be from 0 to ten years"),
        ("POST", "clock:advance", {"hours": 1}, {}, "There is no field 'hours': use seconds."),
        ("POST", "clock:advance", {"seconds": "1"}, {}, "seconds must be a number, not '1'"),
        ("POST", "clock:advance", [1], {}, "The body must be a JSON object, not"),
        ("POST", "clock:advance", b"{", {}, "Invalid JSON payload received. Unexpected end of string."),
        ("POST", "clock:advance", b"[" * 60_000, {}, "Invalid JSON payload received. Message too deep."),
        ("GET", "nonsense/attempts", None, {}, "must be formatted"),
    ],
)
async def test_what_is_wrong_is_named(
    call: Call, verb: str, path: str, body: object, query: dict[str, str], message: str
) -> None:
    answer = await call(verb, path, body, **query)
    assert (answer.status, answer.body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in answer.message


async def test_what_is_not_there_is_pointed_to_the_documentation(call: Call) -> None:
    for verb, path in (("GET", "drain"), ("POST", "nonsense"), ("DELETE", "dead")):
        answer = await call(verb, path)
        assert answer.status == 404
        assert f"There is no {verb} /emulator/v1/{path}: docs/EMULATOR.md" in answer.message
