"""BufferTask: whatever HTTP comes in goes out as the queue's http_target says."""

from __future__ import annotations

import gzip

import httpx
import pytest

from tests.emulator.running import LOCATION, QUEUE
from tests.emulator.target import Target

BUFFER = f"/v2/{LOCATION}/queues/buffer/tasks"


@pytest.fixture
async def rest(rest: httpx.AsyncClient) -> httpx.AsyncClient:
    target = {"uriOverride": {"scheme": "HTTP", "host": "handler.example", "pathOverride": {"path": "/do"}}}
    queue = {"name": f"{LOCATION}/queues/buffer", "httpTarget": target}
    created = await rest.post(f"/v2/{LOCATION}/queues", json=queue)
    assert created.status_code == 200, created.text
    return rest


@pytest.mark.parametrize("path", ["t1:buffer", ":buffer"])
async def test_a_request_as_it_comes_is_the_task(rest: httpx.AsyncClient, target: Target, path: str) -> None:
    body = gzip.compress(b"no JSON")
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/x", "X-Own": "1"}
    response = await rest.post(f"{BUFFER}/{path}", content=body, headers=headers)
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"task"}
    name = response.json()["task"]["name"]
    (request,) = await target.received(1)
    assert (request.method, request.url, request.body) == ("POST", "http://handler.example/do", body)
    given = {name.lower(): value for name, value in request.headers.items()}
    assert given.items() >= {"content-encoding": "gzip", "content-type": "text/x", "x-own": "1"}.items()
    assert name.endswith("/tasks/t1") is (path == "t1:buffer")


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_any_verb(rest: httpx.AsyncClient, target: Target, verb: str) -> None:
    assert (await rest.request(verb, f"{BUFFER}:buffer")).status_code == 200
    (request,) = await target.received(1)
    assert request.method == verb


async def test_a_queue_without_a_target(rest: httpx.AsyncClient) -> None:
    response = await rest.post(f"/v2/{QUEUE}/tasks:buffer")
    assert response.status_code == 400
    assert response.json()["error"]["status"] == "FAILED_PRECONDITION"
    assert (await rest.post(f"/v2/{LOCATION}/queues/none/tasks:buffer")).status_code == 404
