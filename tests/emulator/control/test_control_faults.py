"""Fault switches over /emulator/v1/faults, while the emulator runs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Task

from emulator import Emulator, Faults
from tests.emulator.control.conftest import Call
from tests.emulator.process import up
from tests.emulator.running import OTHER_QUEUE, QUEUE, task, tasks_client
from tests.emulator.target import Target

OFF = {"duplicate": 0.0, "drop": 0.0, "reorder": 0.0, "error5xx": 0.0, "delay": 0.0}


async def test_faults_are_set_shown_and_cleared(call: Call, emulator: Emulator) -> None:
    assert (await call("GET", "faults")).body == {"everywhere": OFF, "named": {}, "crash": None}
    await call("PUT", "faults", {"duplicate": 0.5, "error_5xx": 0.25})
    await call("PUT", f"faults/{QUEUE}", {"drop": 1, "error5xx": 0.5})
    crash = {"at": "before_commit", "nthWrite": 1_000_000}
    shown = (await call("PUT", "faults/crash", crash)).body
    assert shown == {
        "everywhere": {**OFF, "duplicate": 0.5, "error5xx": 0.25},
        "named": {QUEUE: {**OFF, "drop": 1, "error5xx": 0.5}},
        "crash": crash,
    }
    assert emulator.faults.plan.of(QUEUE) == Faults(drop=1, error_5xx=0.5)
    assert (await call("DELETE", f"faults/{QUEUE}")).body["named"] == {}
    assert (await call("DELETE", "faults/crash")).body["crash"] is None
    assert (await call("DELETE", "faults")).body["everywhere"] == OFF


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("faults", {"drop": 2}, "drop must be a rate from 0"),
        ("faults", {"lose": 1}, "There is no field 'lose': use duplicate, drop, reorder, error5xx, delay."),
        ("faults/mails", {"drop": 1}, "Faults are of a queue or a subscription, given by its full name"),
        ("faults/crash", {"at": "lunch", "rate": 1}, "at must be one of before_commit, after_commit"),
        ("faults/crash", {"rate": 1}, "The field at is missing."),
        ("faults/crash", {"at": "after_commit"}, "either nth_write or rate"),
        ("faults/crash", {"at": "after_commit", "nthWrite": 0.5}, "nthWrite must be a whole number"),
    ],
)
async def test_a_wrong_fault_is_refused(call: Call, path: str, body: Any, message: str) -> None:
    answer = await call("PUT", path, body)
    assert (answer.status, answer.body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in answer.message


async def test_a_fault_of_one_queue_leaves_the_others_alone(
    call: Call, client: CloudTasksAsyncClient, target: Target
) -> None:
    await call("PUT", f"faults/{QUEUE}", {"drop": 1})
    await client.create_task(parent=QUEUE, task=task("lost"))
    await client.create_task(parent=OTHER_QUEUE, task=task())
    await call("POST", "drain")
    assert [request.source for request in target.requests] == [OTHER_QUEUE]
    [attempt] = (await call("GET", f"{QUEUE}/tasks/lost/attempts")).body["attempts"]
    assert attempt["responseStatus"] == 504
    assert "a fault switch lost it" in attempt["detail"]


async def test_a_reordered_queue_dispatches_everything_in_another_order(
    call: Call, client: CloudTasksAsyncClient, target: Target, emulator: Emulator
) -> None:
    await call("PUT", "faults", {"reorder": 1})
    await client.pause_queue(name=QUEUE)
    names = [f"t{number:02}" for number in range(40)]
    for name in names:
        await client.create_task(parent=QUEUE, task=task(name))
    await client.resume_queue(name=QUEUE)
    await call("POST", "drain")
    assert sorted(target.names()) == names
    assert target.names() != names
    assert emulator.faults.statistics().reordered_total > 0


@pytest.mark.parametrize(("at", "kept"), [("before_commit", []), ("after_commit", ["t"])])
async def test_a_crash_kills_the_process_where_it_was_told(tmp_path: Path, at: str, kept: list[str]) -> None:
    queue = "projects/sidelane-local/locations/us-central1/queues/developer-webhooks"
    async with up(tmp_path) as process:
        async with tasks_client(process.addresses.tasks) as client:
            await client.pause_queue(name=queue)
            url = f"http://{process.addresses.http}/emulator/v1/faults/crash"
            async with (
                aiohttp.ClientSession() as session,
                session.put(url, json={"at": at, "nthWrite": 1}) as response,
            ):
                assert response.status == 200
            with pytest.raises(GoogleAPICallError):  # never answered
                await client.create_task(parent=queue, task=task(f"{queue}/tasks/t"), retry=None, timeout=20)
        assert await process.wait() == -signal.SIGKILL
    async with up(tmp_path) as process, tasks_client(process.addresses.tasks) as client:
        pager = await client.list_tasks(parent=queue)
        names: list[Task] = [found async for found in pager]
        assert [found.name.rpartition("/")[2] for found in names] == kept
