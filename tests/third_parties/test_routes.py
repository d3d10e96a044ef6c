"""The routes that ask third parties: what they answer, and what becomes of a third party that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from producers.github_docs import AT_A_TIME
from producers.google_data import MAX_PAGES
from producers.sign_in import challenge_of
from tests.producers.test_app import problem
from tests.third_parties.backend import REDIRECT, serving_backend, settings_for
from tests.third_parties.identity import Identity
from tests.third_parties.server import Fault, Server, answer, garbage, reset
from tests.third_parties.world import World, serving_world

ADA = {"X-Sidelane-Uid": "ada"}
EVENTS = {"since": "2026-05-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"}


@pytest.fixture
def world(identity: Identity) -> World:
    return World(identity)


@pytest.fixture
async def theirs(world: World) -> AsyncIterator[Server]:
    async with serving_world(world) as server:
        yield server


@pytest.fixture
async def backend(
    theirs: Server, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    for module in ("x_profiles", "web_search", "app_server", "github_docs"):
        monkeypatch.setattr(f"producers.{module}.DEADLINE", 1.0)
    monkeypatch.setenv("SIDELANE_HTTP__DEFAULT__DEADLINE", "1")
    async with serving_backend(settings_for(theirs.url, tmp_path, identity)) as opened:
        opened[1].headers.update(ADA)
        yield opened


@pytest.fixture
def client(backend: tuple[FastAPI, httpx.AsyncClient]) -> httpx.AsyncClient:
    return backend[1]


async def connected(client: httpx.AsyncClient, identity: Identity, uid: str = "ada") -> None:
    identity.challenges["code-1"] = challenge_of("v" * 43)
    consent = {"code": "code-1", "code_verifier": "v" * 43, "redirect_uri": REDIRECT}
    told = await client.put("/v1/google/grant", json=consent, headers={"X-Sidelane-Uid": uid})
    assert told.json() == {"scope": "openid"}


async def test_a_profile_and_a_timeline_of_x(client: httpx.AsyncClient) -> None:
    profile = (await client.get("/v1/social/x/ada")).json()
    assert (profile["id"], profile["name"]) == ("17", "Ada")
    timeline = await client.get("/v1/social/x/ada/timeline", params={"limit": 7})
    assert [post["text"] for post in timeline.json()["posts"]] == ["7"]
    problem(await client.get("/v1/social/x/nobody"), 404)
    problem(await client.get("/v1/social/x/not-a-name"), 422)


async def test_x_is_tried_again_as_it_asks(client: httpx.AsyncClient, theirs: Server) -> None:
    theirs.faults = [answer(503, headers={"Retry-After": "0"}), answer(500)]
    assert (await client.get("/v1/social/x/ada")).status_code == 200
    assert len(theirs.requests) == 3


async def test_what_asks_for_longer_than_there_is_time_is_passed_on(
    client: httpx.AsyncClient, theirs: Server
) -> None:
    theirs.faults = [answer(429, headers={"Retry-After": "900"})]
    told = await client.get("/v1/social/x/ada")
    problem(told, 503)
    assert told.headers["retry-after"] == "900"
    assert len(theirs.requests) == 1


async def test_a_web_search(client: httpx.AsyncClient) -> None:
    told = await client.post("/v1/search", json={"query": "größe & more", "limit": 3})
    assert [hit["title"] for hit in told.json()["hits"]] == ["größe & more"] * 3


async def test_the_documentation_is_read_a_few_files_at_a_time_and_kept(
    client: httpx.AsyncClient, theirs: Server, world: World
) -> None:
    both = await asyncio.gather(*(client.get("/v1/apps/docs") for _ in range(2)))
    pages = {page["path"]: page["text"] for page in both[0].json()["pages"]}
    assert both[1].json() == both[0].json()
    assert len(pages) == 22
    assert pages["docs/deep/b.mdx"] == "# B"
    assert not {"docs/c.png", "README.md", "docs/huge.md"} & pages.keys()
    assert 1 <= world.most_under_way <= AT_A_TIME
    asked = len(theirs.requests)
    theirs.faults, theirs.lasting = [answer(500)], True
    assert (await client.get("/v1/apps/docs")).json() == both[0].json()
    assert len(theirs.requests) == asked == 23


async def test_a_manifest_is_read_and_not_believed(
    client: httpx.AsyncClient, theirs: Server, world: World
) -> None:
    asked = {"url": f"{theirs.url}/manifest.json"}
    tools = (await client.post("/v1/apps/manifests", json=asked)).json()["tools"]
    assert [(tool["name"], tool["endpoint"]) for tool in tools] == [("walk", f"{theirs.url}/walk")]
    for change in (
        {"endpoint": "https://evil.example/walk"},
        {"endpoint": "javascript:alert(1)"},
        {"name": "no name"},
        {"method": "TRACE"},
        {"parameters": {"type": "array"}},
    ):
        world.tools = [{"name": "walk", "description": "d", "endpoint": "/walk", **change}]
        problem(await client.post("/v1/apps/manifests", json=asked), 502)
    for url in ("http://169.254.169.254/computeMetadata/", "ftp://a.example/x", "nothing"):
        problem(await client.post("/v1/apps/manifests", json={"url": url}), 422)


async def test_contacts_and_calendar_in_a_user_s_name(
    client: httpx.AsyncClient, identity: Identity, tmp_path: Path
) -> None:
    assert "connect" in problem(await client.get("/v1/google/contacts"), 409)["detail"]
    await connected(client, identity)
    contacts = (await client.get("/v1/google/contacts")).json()["contacts"]
    assert contacts == [{"name": f"P{page}", "emails": ["p@a.example"]} for page in range(MAX_PAGES)]
    events = (await client.get("/v1/google/calendar/events", params=EVENTS)).json()["events"]
    assert events == [{"id": "e1", "title": "Walk", "starts": "2026-05-01", "ends": "2026-05-02"}]
    problem(await client.get("/v1/google/contacts", headers={"X-Sidelane-Uid": "eve"}), 409)
    problem(
        await client.get("/v1/google/calendar/events", params={**EVENTS, "until": "2026-04-01T00:00Z"}), 422
    )
    stored = await asyncio.to_thread((tmp_path / "stores.sqlite3").read_bytes)
    assert b"access-1" not in stored
    assert b"refresh-1" not in stored
    assert (await client.delete("/v1/google/grant")).status_code == 204
    problem(await client.get("/v1/google/contacts"), 409)


async def test_a_token_that_expires_is_renewed_once_for_all(
    backend: tuple[FastAPI, httpx.AsyncClient], identity: Identity, world: World
) -> None:
    app, client = backend
    await connected(client, identity)
    now = app.state.backend.google.grants._clock()
    app.state.backend.google.grants._clock = lambda: now + 3600
    world.access_tokens = {"renewed-1"}
    told = await asyncio.gather(*(client.get("/v1/google/calendar/events", params=EVENTS) for _ in range(8)))
    assert {each.status_code for each in told} == {200}
    assert identity.renewals == 1
    identity.revoked = True
    app.state.backend.google.grants._clock = lambda: now + 7200
    problem(await client.get("/v1/google/contacts"), 409)


async def test_a_consent_that_was_taken_back_is_forgotten(
    client: httpx.AsyncClient, identity: Identity, world: World, theirs: Server
) -> None:
    await connected(client, identity)
    world.access_tokens = set()
    problem(await client.get("/v1/google/contacts"), 409)
    asked = len(theirs.requests)
    problem(await client.get("/v1/google/contacts"), 409)
    assert len(theirs.requests) == asked


FAULTS: list[tuple[Fault | str, int]] = [
    (answer(500), 502),
    (answer(503, headers={"Retry-After": "17"}), 503),
    (garbage, 502),
    (reset, 502),
    ("hang", 504),
]
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/v1/social/x/ada", {}),
    ("GET", "/v1/social/x/ada/timeline", {}),
    ("POST", "/v1/search", {"json": {"query": "q"}}),
    ("GET", "/v1/apps/docs", {}),
    ("GET", "/v1/google/contacts", {}),
    ("GET", "/v1/google/calendar/events", {"params": EVENTS}),
    ("POST", "/v1/apps/manifests", {"json": {"url": "/manifest.json"}}),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=["500", "503", "garbage", "reset", "hang"])
async def test_a_third_party_that_fails_is_said_to_have_failed(
    client: httpx.AsyncClient, identity: Identity, theirs: Server, fault: Fault | str, status: int
) -> None:
    await connected(client, identity)
    theirs.faults, theirs.lasting = [theirs.hang if isinstance(fault, str) else fault], True

    async def told(call: tuple[str, str, dict[str, Any]]) -> httpx.Response:
        method, path, more = call
        if path.endswith("manifests"):
            more = {"json": {"url": f"{theirs.url}/manifest.json"}}
        return await client.request(method, path, **more)

    for call, each in zip(CALLS, await asyncio.gather(*map(told, CALLS)), strict=True):
        assert each.status_code in (status, 502, 503), call  # 503 too once the breaker is open
        problem(each, each.status_code)
        assert int(each.headers["retry-after"]) >= 1
        if status != 503 and each.status_code == 503:
            assert "left alone" in each.json()["detail"] or "failed too often" in each.json()["detail"]
