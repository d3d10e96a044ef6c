"""X, GitHub, web search, Google's APIs and an app's server at one address, in their documented shapes."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.third_parties.identity import Identity
from tests.third_parties.server import Server, serving

FILES = {"docs/a.md": b"# A", "docs/deep/b.mdx": b"# B", "docs/c.png": b"png", "README.md": b"# No"}


class World:
    """What each of them knows, and how many of its requests are under way at a time."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.tools: list[dict[str, object]] = [
            {"name": "walk", "description": "Takes a walk", "endpoint": "/walk"}
        ]
        self.access_tokens = {"access-1"}
        self.under_way = 0
        self.most_under_way = 0

    async def x_user(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer x-token":
            return web.json_response({"title": "Unauthorized"}, status=401)
        if request.match_info["name"] != "ada":
            return web.json_response({"errors": [{"title": "Not Found Error"}]})
        return web.json_response({"data": {"id": "17", "name": "Ada", "username": "ada"}})

    async def x_posts(self, request: web.Request) -> web.Response:
        post = {"id": "1", "text": request.query["max_results"], "created_at": "2026-05-01T09:00:00.000Z"}
        return web.json_response({"data": [post], "meta": {"result_count": 1}})

    async def search(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Subscription-Token") != "search-key":
            return web.json_response({"type": "ErrorResponse"}, status=422)
        hit = {"title": request.query["q"], "url": "https://a.example", "description": "d", "age": "1"}
        return web.json_response({"type": "search", "web": {"type": "search", "results": [hit] * 9}})

    async def tree(self, _: web.Request) -> web.Response:
        files = [{"path": path, "type": "blob", "size": len(body)} for path, body in FILES.items()]
        files += [{"path": f"docs/{n}.md", "type": "blob", "size": 3} for n in range(20)]
        files += [{"path": "docs/huge.md", "type": "blob", "size": 10**9}, {"path": "docs", "type": "tree"}]
        return web.json_response({"sha": "x", "tree": files, "truncated": False})

    async def contents(self, request: web.Request) -> web.Response:
        assert request.headers["Accept"] == "application/vnd.github.raw+json"
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return web.Response(body=FILES.get(request.match_info["path"], b"# N"))
        finally:
            self.under_way -= 1

    async def manifest(self, _: web.Request) -> web.Response:
        return web.json_response({"tools": self.tools})

    async def setup(self, _: web.Request) -> web.Response:
        return web.json_response({"is_setup_completed": True})

    async def people(self, request: web.Request) -> web.Response:
        if not self._is_known(request):
            return web.json_response({"error": {"code": 401}}, status=401)
        page = int(base64.b64decode(request.query.get("pageToken", "MA==")))
        person = {"names": [{"displayName": f"P{page}"}], "emailAddresses": [{"value": "p@a.example"}]}
        nameless = {"emailAddresses": [{"value": "x@a.example"}]}
        next_page = base64.b64encode(str(page + 1).encode()).decode()
        return web.json_response({"connections": [person, nameless], "nextPageToken": next_page})

    async def calendar(self, request: web.Request) -> web.Response:
        if not self._is_known(request):
            return web.json_response({"error": {"code": 401}}, status=401)
        walk = {"id": "e1", "summary": "Walk", "start": {"date": "2026-05-01"}, "end": {"date": "2026-05-02"}}
        return web.json_response({"items": [walk]})

    def _is_known(self, request: web.Request) -> bool:
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self.access_tokens


@asynccontextmanager
async def serving_world(world: World) -> AsyncIterator[Server]:
    async with serving(
        {
            ("GET", "/2/users/by/username/{name}"): world.x_user,
            ("GET", "/2/users/17/tweets"): world.x_posts,
            ("GET", "/res/v1/web/search"): world.search,
            ("GET", "/repos/owner/repo/git/trees/HEAD"): world.tree,
            ("GET", "/repos/owner/repo/contents/{path:.+}"): world.contents,
            ("GET", "/manifest.json"): world.manifest,
            ("GET", "/setup"): world.setup,
            ("GET", "/v1/people/me/connections"): world.people,
            ("GET", "/calendar/v3/calendars/primary/events"): world.calendar,
            ("POST", "/token"): world.identity.google_token,
        }
    ) as server:
        yield server
