"""docs/migrating.md: each block that says "after" is run, in a loop that may not be blocked."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import requests
from aiohttp import web

from contracts import (
    Catalog,
    DaySummary,
    DeveloperWebhook,
    RealtimeTranscript,
    TranscriptSegment,
    load_catalog,
)
from lanes import Lanes, LanesSettings, Request, Telemetry, fan_out, open_lanes
from producers import Receipt, enqueue
from producers.testing import RecordingProducer, recording
from tests.receiver import Received, Receiver, receiver

PAGE = Path("docs/migrating.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"```python\n# (before|after)[^\n]*\n(.*?)```", PAGE, re.DOTALL)
AFTER = [source for when, source in BLOCKS if when == "after"]
TRANSCRIPT = RealtimeTranscript(
    stream_id="s", sequence=1, segments=(TranscriptSegment(text="Where were we?", start=0, end=1),)
)
SUMMARY = DaySummary(
    date=date(2026, 1, 2), summary="Calm.", summary_json={}, created_at=datetime(2026, 1, 2, tzinfo=UTC)
)
NAMES: dict[str, Any] = {
    each.__name__: each
    for each in (
        *(DaySummary, DeveloperWebhook, Lanes, Path, RealtimeTranscript, Receipt, Request, Thread),
        *(asyncio, enqueue, fan_out, httpx, json, requests, time),
    )
}


def function_of(source: str) -> Callable[..., Awaitable[Any]]:
    """The coroutine function that a block defines."""
    names = dict(NAMES)
    exec("from __future__ import annotations\n" + source, names)
    found: list[Callable[..., Awaitable[Any]]] = [
        value for name, value in names.items() if name not in NAMES and inspect.iscoroutinefunction(value)
    ]
    (function,) = found
    return function


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(Path("infra/terraform/queues.yaml"))


@pytest.fixture
async def target() -> AsyncIterator[Receiver]:
    async def respond(_: Received) -> web.Response:
        return web.json_response({"is_setup_completed": True})

    async with receiver(respond) as running:
        yield running


@pytest.fixture
async def lanes(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lanes]:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8")
    settings = LanesSettings(refuse_default_executor=False)  # the test uses it
    async with open_lanes(settings, Telemetry()) as opened:
        yield opened


@pytest.fixture
async def producer(catalog: Catalog) -> AsyncIterator[RecordingProducer]:
    async with recording(catalog) as opened:
        yield opened


def test_every_pattern_has_a_before_and_an_after() -> None:
    for _, source in BLOCKS:
        function_of(source)
    sections = [part for part in PAGE.split("\n## ")[1:] if "```python" in part]
    assert len(sections) == 8
    for section in sections:
        assert section.index("# before") < section.index("# after")


@pytest.mark.parametrize("source", AFTER)
async def test_what_it_becomes_works(
    source: str, lanes: Lanes, target: Receiver, producer: RecordingProducer, tmp_path: Path
) -> None:
    function = function_of(source)
    values = {
        "lanes": lanes,
        "url": target.url,
        "urls": [target.url, target.url],
        "payload": b"{}",
        "uid": "u1",
        "event": TRANSCRIPT,
        "summary": SUMMARY,
        "conversation": "hello",
        "stream": "s1",
        "chunk": b"pcm",
        "path": tmp_path / "upload.bin",
        "upload": b"bytes",
    }
    said = await function(*(values[name] for name in inspect.signature(function).parameters))
    match function.__name__:
        case "flush" | "deliver" if producer.tasks:
            assert said.type == "developer-webhook"
        case "flush" | "call":
            assert said == 200
        case "notify":
            assert said == [200, 200]
        case "process":
            assert said == 5
        case "audio":
            assert [request.body for request in target.received] == [b"pcm"]
        case "save":
            assert await asyncio.to_thread((tmp_path / "upload.bin").read_bytes) == b"bytes"
        case "setup_done":
            assert said is True
        case other:
            raise AssertionError(f"{other} is not looked at")
