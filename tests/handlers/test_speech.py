"""Speech jobs on a real wire: what each kind sends, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from contracts import (
    BlobReference,
    Embedding,
    Finding,
    ProfileMatch,
    Question,
    Speaker,
    SpeakerEmbedding,
    SpeakersMatched,
    SpeechJob,
    StoredAudio,
    TranscriptSegment,
    Voice,
    VoiceActivity,
    VoicesFound,
    load_catalog,
)
from handlers.effect import Delivery
from handlers.ends import Busy, End, Reason, Returned, TargetFailed, TargetRefused, Unreadable
from handlers.speech import LANE_PAUSE, MAX_PAUSE, QUOTA_PAUSE, REFUSED_PAUSE, Speech
from lanes import STT, HttpLane
from stores import Blobs, SpeechResults
from stores.blob_location import open_blobs
from stores.sqlite import open_sqlite
from tests.receiver import Received, Receiver, receiver
from tests.speech_service import Heard, heard, parts

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DELIVERY = Delivery(id="msg_0123", attempt=1, deadline=5.0)
PCM = bytes(range(256)) + b"\r\n--boundary--\r\n"
SEGMENTS = (
    TranscriptSegment(text="Hi ☂", speaker_id=1, start=0, end=0.5),
    TranscriptSegment(text="Ho", start=0.5, end=1),
)
MATCH = ProfileMatch(segments=SEGMENTS)
VECTOR = [0.25, -0.5, 1e-9]


def job(question: Question) -> SpeechJob:
    return SpeechJob(uid="user 1", job_id="j", question=question, sample_rate=16000, audio=PCM)


@dataclass
class Handler:
    lane: HttpLane
    results: SpeechResults
    blobs: Blobs
    service: Receiver

    def effect(self, url: str | None = None) -> Speech:
        base = self.service.url if url is None else url
        return Speech(
            self.lane,
            self.results,
            self.blobs,
            services={"embedding": base, "voice_activity": base, "profile_match": base},
            keep=timedelta(days=1),
            clock=lambda: NOW,
            boundary=lambda: "b" * 32,
        )

    async def run(
        self,
        question: Question,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[End, Finding | None]:
        async def respond(_: Received) -> web.Response:
            return web.Response(status=status, body=body, headers=headers)

        self.service.respond = respond
        end = await self.effect()(job(question), DELIVERY)
        kept = await self.results.get("user 1", "j", question.kind, now=NOW)
        return end, kept.finding if kept else None


@pytest.fixture
async def handler(tmp_path: Path) -> AsyncIterator[Handler]:
    async with (
        open_sqlite(tmp_path / "stores.sqlite3") as stores,
        HttpLane(STT.model_copy(update={"max_body_bytes": 10_000, "breaker_failures": None})) as lane,
        open_blobs(str(tmp_path / "blobs"), project="p") as blobs,
        receiver() as service,
    ):
        yield Handler(lane, stores.speech, blobs, service)


@pytest.mark.parametrize(
    ("question", "path", "query", "file", "answer", "finding"),
    [
        (Embedding(), "/v2/embedding", {}, "file", VECTOR, SpeakerEmbedding(vector=tuple(VECTOR))),
        (Embedding(), "/v2/embedding", {}, "file", [VECTOR], SpeakerEmbedding(vector=tuple(VECTOR))),
        (
            VoiceActivity(),
            "/v1/vad",
            {},
            "file",
            [{"start": 0.25, "end": 1, "duration": 0.75}],
            VoicesFound(voices=(Voice(start=0.25, end=1),)),
        ),
        (VoiceActivity(), "/v1/vad", {}, "file", [], VoicesFound(voices=())),
        (
            MATCH,
            "/v1/speaker-identification",
            {"uid": "user 1"},
            "audio_file",
            [{"is_user": True, "person_id": None}, {"is_user": False, "person_id": "p", "score": 0.9}],
            SpeakersMatched(speakers=(Speaker(is_user=True), Speaker(is_user=False, person_id="p"))),
        ),
        (
            MATCH,
            "/v1/speaker-identification",
            {"uid": "user 1"},
            "audio_file",
            [False, True],
            SpeakersMatched(speakers=(Speaker(is_user=False), Speaker(is_user=True))),
        ),
    ],
)
async def test_each_kind_as_its_service_knows_it(
    handler: Handler,
    question: Question,
    path: str,
    query: dict[str, str],
    file: str,
    answer: object,
    finding: Finding,
) -> None:
    end, kept = await handler.run(question, body=json.dumps(answer).encode())
    assert (end, kept) == (Returned(), finding)
    (got,) = handler.service.received
    assert (got.method, got.path, got.query) == ("POST", path, query)
    assert got.headers["idempotency-key"] == "msg_0123"
    form = parts(got)
    assert heard(form[file]) == Heard(1, 2, 16000, PCM)
    assert (form[file].file_name, form[file].content_type) == ("audio.wav", "audio/wav")
    if question is MATCH:
        sent = json.loads(form["segments"].content)
        assert [(each["text"], each["speakerId"], each["end"]) for each in sent] == [
            ("Hi ☂", 1, 0.5),
            ("Ho", None, 1),
        ]


async def test_a_job_whose_result_is_kept_is_not_asked_again(handler: Handler) -> None:
    await handler.run(Embedding(), body=json.dumps(VECTOR).encode())
    end, kept = await handler.run(Embedding(), status=500)
    assert end == Returned()
    assert kept == SpeakerEmbedding(vector=tuple(VECTOR))
    assert len(handler.service.received) == 1


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_audio_that_is_refused_is_dead_and_says_so(handler: Handler, status: int) -> None:
    end, kept = await handler.run(Embedding(), status)
    assert end == TargetRefused(Reason.REFUSED, f"answered {status}")
    assert kept is None


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (401, {}, REFUSED_PAUSE),
        (403, {}, REFUSED_PAUSE),
        (429, {}, QUOTA_PAUSE),
        (429, {"Retry-After": "7"}, timedelta(seconds=7)),
        (429, {"Retry-After": "0"}, timedelta(0)),
        (429, {"Retry-After": "9999999"}, MAX_PAUSE),
    ],
)
async def test_what_is_no_fault_of_the_job_parks_it(
    handler: Handler, status: int, headers: dict[str, str], pause: timedelta
) -> None:
    end, _ = await handler.run(Embedding(), status, headers=headers)
    assert isinstance(end, Busy)
    assert end.until == NOW + pause


@pytest.mark.parametrize("status", [201, 302, 404, 408, 425, 500, 502, 503, 504])
async def test_every_other_answer_is_tried_again(handler: Handler, status: int) -> None:
    end, kept = await handler.run(Embedding(), status, headers={"Retry-After": "90"})
    assert end == TargetFailed(f"answered {status}", retry_after=timedelta(seconds=90))
    assert kept is None


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"<html>", "cannot be read: body"), (b"[" + b"1," * 10_000 + b"1]", "longer than the lane's")],
)
async def test_an_answer_that_cannot_be_read_is_a_failure(handler: Handler, body: bytes, says: str) -> None:
    end, kept = await handler.run(Embedding(), body=body)
    assert isinstance(end, TargetFailed)
    assert says in end.detail
    assert kept is None


async def test_nobody_there_is_a_failure(handler: Handler) -> None:
    end = await handler.effect("http://127.0.0.1:1")(job(Embedding()), DELIVERY)
    assert isinstance(end, TargetFailed)


async def test_an_address_that_cannot_be_asked_is_the_settings_fault(handler: Handler) -> None:
    end = await handler.effect("ftp://speech.example")(job(Embedding()), DELIVERY)
    assert isinstance(end, Busy)
    assert end.until == NOW + REFUSED_PAUSE
    assert "SIDELANE_SPEECH_" in end.detail


async def test_an_answer_that_never_comes_ends_with_the_deadline(handler: Handler) -> None:
    released = asyncio.Event()

    async def hold(_: Received) -> web.Response:
        await released.wait()
        return web.Response()

    handler.service.respond = hold
    soon = Delivery(id="msg", attempt=1, deadline=0.1)
    end = await handler.effect()(job(Embedding()), soon)
    assert end == TargetFailed("no complete answer within 0.1 s")
    released.set()


def stored() -> SpeechJob:
    blob = BlobReference.of(PCM, owner="user 1").encode().decode()
    return job(Embedding()).model_copy(update={"audio": StoredAudio(blob=blob)})


async def test_audio_that_is_in_the_blob_store_is_fetched(handler: Handler) -> None:
    task = stored()
    assert isinstance(task.audio, StoredAudio)
    await handler.blobs.put(task.audio.reference, PCM, keep_until=datetime.now(UTC) + timedelta(days=1))

    async def hears(_: Received) -> web.Response:
        return web.json_response(VECTOR)

    handler.service.respond = hears
    assert await handler.effect()(task, DELIVERY) == Returned()
    (got,) = handler.service.received
    assert heard(parts(got)["file"]).pcm == PCM


async def test_audio_that_is_gone_is_dead(handler: Handler) -> None:
    end = await handler.effect()(stored(), DELIVERY)
    assert isinstance(end, Unreadable)
    assert end.reason is Reason.BLOB_MISSING
    assert handler.service.received == []


async def test_a_full_lane_parks_the_job(handler: Handler) -> None:
    held, released = asyncio.Event(), asyncio.Event()

    async def hold(_: Received) -> web.Response:
        held.set()
        await released.wait()
        return web.Response(body=json.dumps(VECTOR).encode())

    handler.service.respond = hold
    full = STT.model_copy(update={"max_connections": 1, "max_waiting": 0})
    async with HttpLane(full) as handler.lane:
        effect = handler.effect()
        first = asyncio.create_task(effect(job(Embedding()), DELIVERY))
        await held.wait()
        end = await effect(job(VoiceActivity()), DELIVERY)
        assert isinstance(end, Busy)
        assert end.until == NOW + LANE_PAUSE
        released.set()
        assert await first == Returned()


def test_the_times_of_lane_queue_and_lease_fit() -> None:
    queue = load_catalog(Path("infra/terraform/queues.yaml")).get("speech-jobs")
    assert queue.delivery.deadline.total_seconds() == STT.deadline == 300
    assert queue.lease == timedelta(seconds=315)
    assert queue.lease <= queue.dispatch_deadline
