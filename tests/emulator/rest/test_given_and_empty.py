"""A zero or an empty text in JSON is a value, where a message on the wire has none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.emulator.running import LOCATION, QUEUE
from tests.emulator.target import Target

NEW = f"{LOCATION}/queues/new"
LEAF = "retryConfig.maxDoublings"


async def doublings(rest: httpx.AsyncClient, name: str) -> int:
    """Of the queue as it reads back; JSON leaves a zero out."""
    found = (await rest.get(f"/v2/{name}")).json()["retryConfig"]
    assert found["maxAttempts"] == 100
    return int(found.get("maxDoublings", 0))


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ({"maxDoublings": 0}, 0),
        ({"max_doublings": 0}, 0),
        ({"maxDoublings": None}, 16),
        ({"maxAttempts": 0}, 16),
        ({}, 16),
        ({"maxDoublings": 3}, 3),
    ],
)
async def test_a_new_queue(rest: httpx.AsyncClient, retry: dict[str, Any], expected: int) -> None:
    created = await rest.post(f"/v2/{LOCATION}/queues", json={"name": NEW, "retryConfig": retry})
    assert created.status_code == 200
    assert await doublings(rest, NEW) == expected


@pytest.mark.parametrize(
    ("mask", "body", "expected"),
    [
        (LEAF, {"retryConfig": {"maxDoublings": 0}}, 0),
        ("retryConfig", {"retryConfig": {"maxDoublings": 0}}, 0),
        ("", {"retryConfig": {"maxDoublings": 0}}, 0),
        (LEAF, {"retryConfig": {}}, 16),
        (LEAF, {}, 16),
        ("retryConfig", {"retryConfig": {"maxAttempts": 100}}, 16),
        ("rateLimits", {"retryConfig": {"maxDoublings": 0}}, 5),
    ],
)
async def test_an_update(rest: httpx.AsyncClient, mask: str, body: dict[str, Any], expected: int) -> None:
    before = {"retryConfig": {"maxDoublings": 5}}
    await rest.patch(f"/v2/{QUEUE}", params={"updateMask": LEAF}, json=before)
    assert await doublings(rest, QUEUE) == 5
    updated = await rest.patch(f"/v2/{QUEUE}", params={"updateMask": mask} if mask else {}, json=body)
    assert updated.status_code == 200
    assert await doublings(rest, QUEUE) == expected


@pytest.mark.parametrize("path", [{}, {"path": None}])
async def test_an_override_that_says_nothing_takes_no_path_away(
    rest: httpx.AsyncClient, path: dict[str, Any]
) -> None:
    """As gcloud sends it for `--http-uri-override=host:h.example`."""
    override = {"host": "h.example", "pathOverride": path, "queryOverride": {}}
    body = {"httpTarget": {"uriOverride": override}}
    updated = await rest.patch(f"/v2/{QUEUE}", params={"updateMask": "httpTarget.uriOverride"}, json=body)
    assert updated.json()["httpTarget"] == {"uriOverride": {"host": "h.example"}}
    created = await rest.post(f"/v2/{LOCATION}/queues", json={"name": NEW, **body})
    assert created.json()["httpTarget"] == {"uriOverride": {"host": "h.example"}}


async def test_an_override_with_an_empty_text_does(rest: httpx.AsyncClient, target: Target) -> None:
    override = {"pathOverride": {"path": ""}, "queryOverride": {"queryParams": ""}}
    body = {"httpTarget": {"uriOverride": override}}
    updated = await rest.patch(f"/v2/{QUEUE}", json=body)
    assert updated.json()["httpTarget"] == {"uriOverride": {"pathOverride": {}, "queryOverride": {}}}
    task = {"httpRequest": {"url": "http://h.example/p?q=1"}}
    assert (await rest.post(f"/v2/{QUEUE}/tasks", json={"task": task})).status_code == 200
    [request] = await target.received(1)
    assert request.url == "http://h.example"
