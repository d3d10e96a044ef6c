"""A stand-in for Cloud Storage: the part of its JSON API that the blob store's official client calls.

It keeps generation and metageneration preconditions, and never sets a customTime back, which the emulators
that can be installed do not. Bodies are in memory.
"""

from __future__ import annotations

import asyncio
import base64
import email
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from itertools import count
from typing import Any

import google_crc32c
from aiohttp import web

_LIMIT = 128 * 1024 * 1024


@dataclass(slots=True)
class StoredObject:
    data: bytes
    meta: dict[str, Any]
    generation: int
    metageneration: int = 1

    def resource(self, bucket: str, name: str) -> dict[str, Any]:
        return {
            **self.meta,
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": str(len(self.data)),
            "crc32c": base64.b64encode(google_crc32c.value(self.data).to_bytes(4, "big")).decode(),
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
        }


class Answered(Exception):
    """An error, as the API tells it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class CloudStorage:
    """Buckets by name, and how the service fares."""

    url: str = ""
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Method and path of each."""
    away: int | None = None
    """The status that every request is answered with; None while the service works."""
    silent: asyncio.Event | None = None
    """While set up, no request is answered before it happens."""
    lost_answers: int = 0
    """How many uploads from now on are done, and answered 503."""
    _generations: count[int] = field(default_factory=lambda: count(1))
    _uploads: dict[str, tuple[str, dict[str, Any], str | None]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        body = await request.read()
        if self.silent is not None:
            await self.silent.wait()
        try:
            if self.away is not None:
                raise Answered(self.away, "the service is away")
            return self._answer(request, body)
        except Answered as error:
            told = {"error": {"code": error.status, "message": str(error)}}
            return web.json_response(told, status=error.status)

    def _answer(self, request: web.Request, body: bytes) -> web.StreamResponse:
        bucket, name = request.match_info["bucket"], request.match_info.get("name", "")
        objects = self.buckets.get(bucket)
        if objects is None:
            raise Answered(404, "The specified bucket does not exist.")
        if request.path.startswith("/upload/"):
            return self._upload(request, bucket, objects, body)
        if not name:
            return _listed(request, bucket, objects)
        stored = objects.get(name)
        if stored is None:
            raise Answered(404, f"No such object: {bucket}/{name}")
        match request.method:
            case "DELETE":
                del objects[name]
                return web.Response(status=204)
            case "PATCH":
                _patch(stored, json.loads(body), request.query)
            case "GET" if request.query.get("alt") == "media":
                return _media(request, stored)
        return web.json_response(stored.resource(bucket, name))

    def _upload(
        self, request: web.Request, bucket: str, objects: dict[str, StoredObject], body: bytes
    ) -> web.StreamResponse:
        query = request.query
        if request.method == "PUT":
            name, meta, wanted = self._uploads[query["upload_id"]]
            return self._insert(bucket, objects, name, meta, body, wanted)
        wanted = query.get("ifGenerationMatch")
        if query["uploadType"] == "multipart":
            head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
            parts = list(email.message_from_bytes(head + body, policy=policy.HTTP).iter_parts())
            meta, data = json.loads(parts[0].get_content()), parts[1].get_content()
            return self._insert(bucket, objects, meta["name"], meta, data, wanted)
        upload = str(len(self._uploads) + 1)
        meta = json.loads(body)
        self._uploads[upload] = (meta["name"], meta, wanted)
        location = f"{self.url}{request.path}?uploadType=resumable&upload_id={upload}"
        return web.Response(headers={"Location": location})

    def _insert(
        self,
        bucket: str,
        objects: dict[str, StoredObject],
        name: str,
        meta: dict[str, Any],
        data: bytes,
        wanted: str | None,
    ) -> web.StreamResponse:
        found = objects.get(name)
        if wanted is not None and int(wanted) != (found.generation if found else 0):
            raise Answered(412, "At least one of the pre-conditions you specified did not hold.")
        objects[name] = StoredObject(data, meta, next(self._generations))
        if self.lost_answers:
            self.lost_answers -= 1
            raise Answered(503, "the answer was lost")
        return web.json_response(objects[name].resource(bucket, name))


def _patch(stored: StoredObject, changes: dict[str, Any], query: Any) -> None:
    wanted = query.get("ifMetagenerationMatch")
    if wanted is not None and int(wanted) != stored.metageneration:
        raise Answered(412, "At least one of the pre-conditions you specified did not hold.")
    if changes.get("customTime", "9") < stored.meta.get("customTime", ""):
        raise Answered(400, "Custom time cannot be set to an earlier time.")
    stored.meta |= changes
    stored.metageneration += 1


def _media(request: web.Request, stored: StoredObject) -> web.Response:
    span = request.http_range
    data = stored.data[span]
    if span.start is None:
        return web.Response(body=data)
    shown = f"bytes {span.start}-{span.start + len(data) - 1}/{len(stored.data)}"
    return web.Response(status=206, body=data, headers={"Content-Range": shown})


def _listed(request: web.Request, bucket: str, objects: dict[str, StoredObject]) -> web.Response:
    query = request.query
    first = query.get("pageToken", "")
    names = sorted(name for name in objects if name.startswith(query.get("prefix", "")) and name >= first)
    size = int(query.get("maxResults", 1000))
    answer: dict[str, Any] = {
        "kind": "storage#objects",
        "items": [objects[name].resource(bucket, name) for name in names[:size]],
    }
    if len(names) > size:
        answer["nextPageToken"] = names[size]
    return web.json_response(answer)


@asynccontextmanager
async def cloud_storage(*buckets: str) -> AsyncIterator[CloudStorage]:
    """Serve until the block ends, with these buckets, empty."""
    running = CloudStorage(buckets={bucket: {} for bucket in buckets})
    app = web.Application(client_max_size=_LIMIT)
    for way in ("/storage/v1", "/download/storage/v1", "/upload/storage/v1"):
        app.router.add_route("*", way + "/b/{bucket}/o", running.handle)
        app.router.add_route("*", way + "/b/{bucket}/o/{name:.+}", running.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    running.url = f"http://{host}:{port}"
    try:
        yield running
    finally:
        await runner.cleanup()
