"""A user authorises an app: the app's own server is asked first, behind the guard, and is not believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from producers.app_server import MAX_BYTES
from stores import App, SqliteFile, open_stores
from tests.producers.test_app import problem
from tests.third_parties.backend import serving_backend, settings_for
from tests.third_parties.identity import Identity
from tests.third_parties.server import Fault, Server, answer, garbage, reset, serving

ADA = {"X-Sidelane-Uid": "ada"}


class AppServer:
    """An app's: it says of `done` that they have set it up."""

    def __init__(self) -> None:
        self.done = {"ada"}

    async def setup(self, request: web.Request) -> web.Response:
        return web.json_response({"is_setup_completed": request.query["uid"] in self.done})


@pytest.fixture
def app_server() -> AppServer:
    return AppServer()


@pytest.fixture
async def theirs(app_server: AppServer) -> AsyncIterator[Server]:
    async with serving({("GET", "/setup"): app_server.setup}) as server:
        yield server


@pytest.fixture
async def backend(
    theirs: Server, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    monkeypatch.setattr("producers.app_server.DEADLINE", 0.5)
    async with open_stores(SqliteFile(tmp_path / "stores.sqlite3"), project="p") as stores:
        await stores.apps.add_app(
            App(
                id="walks", name="Walks", owner="eve", url=f"{theirs.url}/hook", triggers=frozenset(), keys=()
            )
        )
        async with serving_backend(settings_for(theirs.url, tmp_path, identity)) as opened:
            yield opened


@pytest.fixture
def client(backend: tuple[FastAPI, httpx.AsyncClient]) -> httpx.AsyncClient:
    return backend[1]


async def authorised(
    client: httpx.AsyncClient, theirs: Server, *, uid: str = "ada", app: str = "walks", **changes: Any
) -> httpx.Response:
    asked = {
        "redirect_uri": f"{theirs.url}/home?x=1",
        "setup_completed_url": f"{theirs.url}/setup",
        "state": "s&1",
        **changes,
    }
    path = f"/v1/oauth/apps/{app}/authorization"
    return await client.post(path, json=asked, headers={"X-Sidelane-Uid": uid})


async def test_an_app_is_enabled_once_its_set_up_is_done(
    client: httpx.AsyncClient, theirs: Server, app_server: AppServer, tmp_path: Path
) -> None:
    assert "not done" in problem(await authorised(client, theirs, uid="bob"), 409)["detail"]
    app_server.done.add("bob")
    for uid in ("ada", "bob"):
        told = await authorised(client, theirs, uid=uid)
        assert told.json() == {"redirect_url": f"{theirs.url}/home?x=1&uid={uid}&state=s%261"}
    async with open_stores(SqliteFile(tmp_path / "stores.sqlite3"), project="p") as stores:
        assert await stores.apps.enabled_app("bob", "walks") is not None
        assert await stores.apps.enabled_app("eve", "walks") is None


async def test_nobody_but_the_app_learns_who_uses_it(client: httpx.AsyncClient, theirs: Server) -> None:
    for changes in (
        {"setup_completed_url": "http://169.254.169.254/computeMetadata/v1/"},
        {"setup_completed_url": "https://evil.example/setup"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "/home"},
    ):
        problem(await authorised(client, theirs, **changes), 422)
    problem(await authorised(client, theirs, app="unknown"), 404)
    assert theirs.requests == []


async def test_an_app_that_is_registered_inside_is_not_asked(
    theirs: Server, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "")
    async with open_stores(SqliteFile(tmp_path / "stores.sqlite3"), project="p") as stores:
        await stores.apps.add_app(
            App(id="walks", name="W", owner="eve", url="http://127.0.0.1/hook", triggers=frozenset(), keys=())
        )
    async with serving_backend(settings_for(theirs.url, tmp_path, identity)) as (_, client):
        inside = {"setup_completed_url": "http://127.0.0.1/x", "redirect_uri": "http://127.0.0.1/home"}
        assert "not a public address" in problem(await authorised(client, theirs, **inside), 422)["detail"]


FAULTS: list[tuple[Fault | str, int]] = [
    (answer(500), 502),
    (answer(302, headers={"Location": "http://169.254.169.254/"}), 502),
    (answer(200, b'{"is_setup_completed": "yes"}'), 502),
    (answer(200, b" " * (MAX_BYTES + 1)), 502),
    (garbage, 502),
    (reset, 502),
    ("hang", 504),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=range(len(FAULTS)))
async def test_a_server_that_fails_enables_nothing(
    client: httpx.AsyncClient, theirs: Server, tmp_path: Path, fault: Fault | str, status: int
) -> None:
    theirs.faults, theirs.lasting = [theirs.hang if isinstance(fault, str) else fault], True
    told = await authorised(client, theirs)
    assert "app's server" in problem(told, status)["detail"]
    assert int(told.headers["retry-after"]) >= 1
    async with open_stores(SqliteFile(tmp_path / "stores.sqlite3"), project="p") as stores:
        assert await stores.apps.enabled_app("ada", "walks") is None
