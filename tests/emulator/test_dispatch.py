"""Dispatch over real HTTP: the captured run, the token that a handler verifies, the caller's headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from google.auth import jwt
from google.cloud.tasks_v2 import AppEngineHttpRequest, OidcToken, RetryConfig, Task

from emulator import Emulator, TasksSettings
from tests.emulator.engine.test_headers import ANSWERED, CAPTURED, told
from tests.emulator.receiver import Receiver, receiving
from tests.emulator.running import QUEUE, Running, queue, task, tasks_client

EMAIL = "tasks@sidelane-local.iam.gserviceaccount.com"
SOON = RetryConfig(min_backoff={"nanos": 1_000_000}, max_backoff={"nanos": 5_000_000})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def emulator(running: Running) -> AsyncIterator[Emulator]:
    async with running(queues=[queue(retry_config=SOON)]) as emulator:
        yield emulator


async def test_the_captured_run(emulator: Emulator, receiver: Receiver) -> None:
    receiver.will_answer([*ANSWERED, 200])
    async with tasks_client(emulator.addresses.tasks) as client:
        await client.create_task(parent=QUEUE, task=task("t", f"{receiver.url}/hook"))
        requests = await receiver.received(6)
        await client.create_task(parent=QUEUE, task=task("sign", f"{receiver.url}/hook"))
        await receiver.received(7)
    assert [told(request.headers, "X-CloudTasks") for request in requests[:6]] == CAPTURED
    assert [request.headers["X-CloudTasks-TaskName"] for request in requests] == ["t"] * 6 + ["sign"]
    etas = [float(request.headers["X-CloudTasks-TaskETA"]) for request in requests[:6]]
    assert etas == sorted(etas)
    assert len(set(etas)) == 6


async def test_the_request_is_the_callers_and_the_services(emulator: Emulator, receiver: Receiver) -> None:
    async with tasks_client(emulator.addresses.tasks) as client:
        headers = {"content-type": "application/json", "X-Cloudtasks-Taskname": "mine", "Cookie": "a=1"}
        url = f"{receiver.url}/hook?a=%2F"
        await client.create_task(parent=QUEUE, task=task("t", url, b"{}", http_method="PUT", headers=headers))
        await client.create_task(parent=QUEUE, task=task("plain", url, b"{}"))
        received = {
            request.headers["X-CloudTasks-TaskName"]: request for request in await receiver.received(2)
        }
    request = received["t"]
    assert (request.method, request.target, request.body) == ("PUT", "/hook?a=%2F", b"{}")
    eta = request.headers["X-CloudTasks-TaskETA"]
    assert request.headers == {
        "Host": receiver.url.removeprefix("http://"),
        "Content-Length": "2",
        "User-Agent": "Google-Cloud-Tasks",
        "content-type": "application/json",
        "Cookie": "a=1",
        "X-CloudTasks-QueueName": "webhooks",
        "X-CloudTasks-TaskName": "t",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": eta,
    }
    assert "Content-Type" not in received["plain"].headers


@pytest.mark.parametrize("audience", ["", "https://handlers.example"])
async def test_the_token_of_a_task_is_one_that_a_handler_can_verify(
    emulator: Emulator, receiver: Receiver, audience: str
) -> None:
    url = f"{receiver.url}/hook?a=1"
    async with tasks_client(emulator.addresses.tasks) as client:
        token = OidcToken(service_account_email=EMAIL, audience=audience)
        await client.create_task(parent=QUEUE, task=task("t", url, oidc_token=token))
        [request] = await receiver.received(1)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{emulator.addresses.http}/oauth2/v1/certs") as response,
    ):
        certificates = await response.json()
    scheme, _, bearer = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    claims = await asyncio.to_thread(jwt.decode, bearer, certs=certificates, audience=audience or url)
    assert claims["email"] == EMAIL
    assert claims["iss"] == "https://accounts.google.com"


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [("/p%2F", "q=%20a", "/p%2F?q=%20a"), ("", "q=1", "/?q=1"), ("", "", "/"), ("p", "", "/p")],
)
async def test_the_target_of_a_queue_is_what_is_called(
    emulator: Emulator, receiver: Receiver, path: str, query: str, target: str
) -> None:
    override = {
        "scheme": "HTTP",
        "host": "127.0.0.1",
        "port": int(receiver.url.rpartition(":")[2]),
        "path_override": {"path": path},
        "query_override": {"query_params": query},
    }
    header = {"header": {"key": "x-mine", "value": "queue"}}
    async with tasks_client(emulator.addresses.tasks) as client:
        await client.update_queue(
            queue=queue(
                http_target={"uri_override": override, "http_method": "PUT", "header_overrides": [header]}
            )
        )
        await client.create_task(
            parent=QUEUE, task=task("t", "https://elsewhere.example/x?y", b"{}", headers={"X-Mine": "task"})
        )
        [request] = await receiver.received(1)
    assert (request.method, request.target, request.body) == ("PUT", target, b"{}")
    assert request.headers["x-mine"] == "queue"
    assert "X-Mine" not in request.headers
    assert "Content-Type" not in request.headers


async def test_an_app_engine_task_over_http(running: Running, receiver: Receiver) -> None:
    receiver.will_answer([302])
    settings = TasksSettings(app_engine_url=receiver.url)
    async with (
        running(queues=[queue(retry_config=SOON)], tasks=settings) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        request = AppEngineHttpRequest(relative_uri="/work?x=1", body=b"abc")
        await client.create_task(parent=QUEUE, task=Task(app_engine_http_request=request))
        first, second = await receiver.received(2)
    assert (first.method, first.target, first.body) == ("POST", "/work?x=1", b"abc")
    assert first.headers["Content-Length"] == "3"
    assert first.headers["User-Agent"] == "AppEngine-Google; (+http://code.google.com/appengine)"
    assert second.target == "/work?x=1"  # no redirect is followed
    assert second.headers["X-AppEngine-TaskPreviousResponse"] == "302"


async def test_a_redirect_is_followed_within_one_attempt(emulator: Emulator, receiver: Receiver) -> None:
    receiver.will_answer([307, 200])
    receiver.locations = ["/elsewhere"]
    async with tasks_client(emulator.addresses.tasks) as client:
        await client.create_task(parent=QUEUE, task=task("t", f"{receiver.url}/hook", b"payload"))
        requests = await receiver.received(2)
        await emulator.tasks.drained()
    assert [(request.target, request.body) for request in requests] == [
        ("/hook", b"payload"),
        ("/elsewhere", b"payload"),
    ]
    (attempt,) = await emulator.tasks.attempts(f"{QUEUE}/tasks/t")
    assert attempt.status == 200


async def test_an_app_engine_target_is_not_followed(running: Running, receiver: Receiver) -> None:
    receiver.will_answer([302])
    receiver.locations = ["/elsewhere"]
    app_engine = TasksSettings(app_engine_url=receiver.url)
    async with (
        running(queues=[queue(retry_config=SOON)], tasks=app_engine) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        made = Task(
            name=f"{QUEUE}/tasks/t", app_engine_http_request=AppEngineHttpRequest(relative_uri="/hook")
        )
        await client.create_task(parent=QUEUE, task=made)
        requests = await receiver.received(2)
    assert [request.target for request in requests] == ["/hook", "/hook"]
    assert requests[1].headers["X-AppEngine-TaskPreviousResponse"] == "302"
