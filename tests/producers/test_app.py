"""The reference backend over HTTP: what it accepts, and how it words what it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import DeveloperWebhook, Envelope, MemoryCreated, RealtimeTranscript, TaskRegistry
from producers import InvalidSettings, UnknownQueue
from producers.app import MAX_BODY, create_app
from producers.backend_settings import BackendSettings
from producers.problems import RETRY_AFTER
from stores import SqliteFile
from tests.emulator_fixture import PARENT, RunningEmulator
from tests.producers.conftest import QUEUES_FILE

SEGMENT = {"text": "good morning", "speakerId": 1, "is_user": True, "start": 0, "end": 1.5}
FLUSH: dict[str, Any] = {"stream_id": "stream-7", "sequence": 3, "segments": [SEGMENT]}
CONVERSATION: dict[str, Any] = {
    "id": "c-1",
    "created_at": "2026-05-01T09:00:00+02:00",
    "transcript_segments": [SEGMENT],
    "structured": {"title": "Breakfast"},
}
JSON = {"content-type": "application/json"}
FLUSHES = "/v1/users/ada/transcript-flushes"
CONVERSATIONS = "/v1/users/ada/conversations"


@asynccontextmanager
async def serving(settings: BackendSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as client,
    ):
        yield client


@pytest.fixture
async def client(settings: BackendSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings) as opened:
        yield opened


def away(folder: Path, *, queues_file: Path = QUEUES_FILE) -> BackendSettings:
    """Of a backend whose services are away."""
    return BackendSettings(
        queues_file=queues_file,
        cloud_tasks_emulator_host="127.0.0.1:1",
        pubsub_emulator_host="127.0.0.1:1",
        enqueue_deadline=0.2,
        blobs=str(folder / "blobs"),
        trusts_callers=True,
        database=SqliteFile(folder / "stores.sqlite3"),
    )


@pytest.fixture
async def cut_off(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(away(tmp_path)) as opened:
        yield opened


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document, checked for what each of them has."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


async def test_a_transcript_flush_is_accepted_and_becomes_a_task(
    client: httpx.AsyncClient, emulator: RunningEmulator, registry: TaskRegistry
) -> None:
    traceparent = f"00-{0xABC:032x}-{0xDEF:016x}-01"
    answer = await client.post(FLUSHES, json=FLUSH, headers={"traceparent": traceparent})

    assert answer.status_code == 202
    receipt = answer.json()
    envelope = Envelope.decode((await emulator.task(receipt["task"])).http_request.body)
    assert envelope.open(registry) == DeveloperWebhook(
        uid="ada", event=RealtimeTranscript.model_validate_json(json.dumps(FLUSH))
    )
    assert envelope.trace == traceparent
    assert receipt == {
        "task": f"{PARENT}/queues/developer-webhooks-realtime/tasks/{envelope.task_id}",
        "queue": "developer-webhooks-realtime",
        "type": "developer-webhook",
        "identity": "realtime_transcript/ada/stream-7/3",
        "delivery_id": envelope.delivery_id,
        "accepted_at": receipt["accepted_at"],
        "duplicate": False,
    }
    assert datetime.fromisoformat(receipt["accepted_at"]) == envelope.accepted_at


async def test_a_conversation_is_accepted_once_for_each_revision(
    client: httpx.AsyncClient, emulator: RunningEmulator, registry: TaskRegistry
) -> None:
    first = await client.post(CONVERSATIONS, json=CONVERSATION)
    again = await client.post(CONVERSATIONS, json=CONVERSATION)
    rebuilt = await client.post(CONVERSATIONS, params={"revision": 1}, json=CONVERSATION)

    assert [answer.status_code for answer in (first, again, rebuilt)] == [202, 202, 202]
    assert [answer.json()["duplicate"] for answer in (first, again, rebuilt)] == [False, True, False]
    task = Envelope.decode((await emulator.task(rebuilt.json()["task"])).http_request.body).open(registry)
    assert isinstance(task, DeveloperWebhook)
    assert isinstance(task.event, MemoryCreated)
    assert (task.event.conversation.structured.title, task.event.revision) == ("Breakfast", 1)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (FLUSHES, {**FLUSH, "segments": []}, "body.segments"),
        (FLUSHES, {**FLUSH, "segments": [{**SEGMENT, "text": None}]}, "body.segments.0.text"),
        (FLUSHES, {**FLUSH, "colour": "red"}, "body.colour"),
        (FLUSHES, {"stream_id": "s", "segments": [SEGMENT]}, "body.sequence"),
        (FLUSHES, {**FLUSH, "kind": "day_summary"}, "body.kind"),
        (FLUSHES, {**FLUSH, "stream_id": "\ud800"}, "body.stream_id"),
        (FLUSHES, [], "body"),
        (CONVERSATIONS, {**CONVERSATION, "created_at": "2026-05-01T09:00:00"}, "body.created_at"),
        (CONVERSATIONS + "?revision=-1", CONVERSATION, "query.revision"),
        (CONVERSATIONS + "?revision=many", CONVERSATION, "query.revision"),
        (f"/v1/users/{'u' * 129}/transcript-flushes", FLUSH, "path.uid"),
    ],
)
async def test_a_bad_request_is_told_its_field(
    cut_off: httpx.AsyncClient, path: str, body: object, field: str
) -> None:
    answer = await cut_off.post(path, content=json.dumps(body), headers=JSON)
    document = problem(answer, 422)
    assert field in [fault["field"] for fault in document["errors"]]
    assert document["detail"].startswith(document["errors"][0]["field"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"a":' * 100_000], ids=["none", "cut", "bytes", "deep"]
)
async def test_a_body_that_is_no_json_is_the_callers_fault(cut_off: httpx.AsyncClient, body: bytes) -> None:
    answer = await cut_off.post(FLUSHES, content=body, headers=JSON)
    problem(answer, answer.status_code)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("number", [10**30, 10**600])
async def test_an_event_that_cannot_be_named_is_the_callers_fault(
    cut_off: httpx.AsyncClient, number: int
) -> None:
    body = {**FLUSH, "sequence": number, "stream_id": "%" * 128}
    problem(await cut_off.post("/v1/users/" + "%C3%BC" * 60 + "/transcript-flushes", json=body), 422)


async def test_more_than_a_task_and_a_blob_may_carry_is_too_large(tmp_path: Path) -> None:
    catalog = await asyncio.to_thread(QUEUES_FILE.read_text, encoding="utf-8")
    without = tmp_path / "queues.yaml"
    await asyncio.to_thread(
        without.write_text, catalog.replace("blob_limit_bytes: 16777216", "blob_limit_bytes: 0")
    )
    body = {**FLUSH, "segments": [{**SEGMENT, "text": "x" * 200_000}]}
    async with serving(away(tmp_path, queues_file=without)) as client:
        document = problem(await client.post(FLUSHES, json=body), 413)
    assert "at most 200000" in document["detail"]


async def test_more_than_a_request_may_be_is_not_read(cut_off: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    document = problem(await cut_off.post(FLUSHES, content=endless()), 413)
    assert str(MAX_BODY) in document["detail"]
    assert sent <= MAX_BODY + 2 * 65_536


async def test_an_unknown_path_and_method_are_problems_too(cut_off: httpx.AsyncClient) -> None:
    problem(await cut_off.get("/v1/nowhere"), 404)
    problem(await cut_off.get(FLUSHES), 405)


async def test_while_the_service_is_away_callers_are_told_to_come_back(cut_off: httpx.AsyncClient) -> None:
    answer = await cut_off.post(FLUSHES, json=FLUSH)
    assert "send the same again" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == str(RETRY_AFTER)


async def test_a_fault_of_ours_is_a_500_that_tells_no_names(
    client: httpx.AsyncClient, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    await emulator.tasks.delete_queue(name=f"{PARENT}/queues/developer-webhooks-realtime")
    document = problem(await client.post(FLUSHES, json=FLUSH), 500)
    assert "projects/" not in document["detail"]
    assert [type(record.exc_info[1]) for record in caplog.records if record.exc_info] == [UnknownQueue]


async def test_a_bug_is_a_problem_too() -> None:
    app = create_app(BackendSettings(queues_file=QUEUES_FILE))

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError("a secret")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
        assert "secret" not in problem(await client.get("/bug"), 500)["detail"]


async def test_health_needs_no_service(cut_off: httpx.AsyncClient) -> None:
    answer = await cut_off.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_settings_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "backend")
    with pytest.raises(InvalidSettings, match="SIDELANE_PROJECT"):
        create_app()


async def test_the_openapi_document_names_the_problems(cut_off: httpx.AsyncClient) -> None:
    document = (await cut_off.get("/openapi.json")).json()
    responses = document["paths"]["/v1/users/{uid}/transcript-flushes"]["post"]["responses"]
    assert set(responses) == {"202", "400", "401", "403", "413", "422", "429", "500", "503"}
