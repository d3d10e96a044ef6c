"""Speech jobs from `enqueue` to their results: found, retried, parked, buried, replayed, and broken off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from contracts import (
    Catalog,
    Embedding,
    Finding,
    ProfileMatch,
    Question,
    Speaker,
    SpeakerEmbedding,
    SpeakersMatched,
    SpeechJob,
    TranscriptSegment,
    Voice,
    VoiceActivity,
    VoicesFound,
)
from handlers.dead_letters.replay import Replayed, replay
from stores import Key, OutcomeKind
from tests.flow.test_webhooks import settled
from tests.flow.world import World, world
from tests.receiver import Received, Receiver, answering, receiver
from tests.speech_service import heard, parts

PCM = bytes(range(256)) * 100
MATCH = ProfileMatch(segments=(TranscriptSegment(text="Hi", start=0, end=0.5),))
ANSWERS: dict[str, object] = {
    "/v2/embedding": [0.5, -0.25],
    "/v1/vad": [{"start": 0.25, "end": 0.75}],
    "/v1/speaker-identification": [{"is_user": False, "person_id": "p"}],
}


async def hears(got: Received) -> web.Response:
    return web.json_response(ANSWERS[got.path])


@pytest.fixture
async def services() -> AsyncIterator[Receiver]:
    async with receiver(hears) as service:
        yield service


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, services: Receiver
) -> AsyncIterator[World]:
    names = ("EMBEDDING", "ACTIVITY", "PROFILE")
    environment = {f"SIDELANE_SPEECH_{name}_URL": services.url for name in names}
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
    ) as opened:
        yield opened


def job(question: Question | None = None) -> SpeechJob:
    asked = question or Embedding()
    return SpeechJob(uid="u", job_id="j", question=asked, sample_rate=16000, audio=PCM)


async def finding(running: World, question: Question) -> Finding | None:
    result = await running.stores.speech.get("u", "j", question.kind, now=datetime.now(UTC))
    return result.finding if result else None


async def test_each_kind_is_asked_of_its_service_and_kept(running: World, services: Receiver) -> None:
    questions: tuple[Question, ...] = (Embedding(), VoiceActivity(), MATCH)
    receipts = list(await running.producer.enqueue_many([job(question) for question in questions]))
    assert await settled(running, receipts) == [OutcomeKind.DONE] * 3
    assert [await finding(running, question) for question in questions] == [
        SpeakerEmbedding(vector=(0.5, -0.25)),
        VoicesFound(voices=(Voice(start=0.25, end=0.75),)),
        SpeakersMatched(speakers=(Speaker(is_user=False, person_id="p"),)),
    ]
    assert {got.path for got in services.received} == ANSWERS.keys()
    for got in services.received:
        form = parts(got)
        assert heard(form.get("file") or form["audio_file"]).pcm == PCM


async def test_five_minutes_of_audio_reach_the_service(running: World, services: Receiver) -> None:
    """9.6 MB: far above what a task carries itself."""
    pcm = PCM * 375
    task = job().model_copy(update={"audio": pcm})
    assert task.seconds == 300
    receipt = await running.producer.enqueue(task)
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    (got,) = services.received
    assert heard(parts(got)["file"]).pcm == pcm


async def test_a_busy_service_is_waited_for_and_a_failing_one_tried_again(
    running: World, services: Receiver
) -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "1"}), web.Response(status=503)]

    async def third_time(got: Received) -> web.Response:
        return answers.pop(0) if answers else await hears(got)

    services.respond = third_time
    receipt = await running.producer.enqueue(job())
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    assert [ended.outcome.kind for ended in row.history][:2] == [OutcomeKind.PARK, OutcomeKind.RETRY]
    assert len({got.headers["idempotency-key"] for got in services.received}) == 1


async def test_refused_audio_dies_at_once_and_is_replayed(
    running: World, services: Receiver, catalog: Catalog
) -> None:
    services.respond = answering(415)
    receipt = await running.producer.enqueue(job())
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]
    assert len(services.received) == 1

    async def kept() -> bool:
        return bool(await running.letters())

    await running.signal.until(kept)
    (letter,) = (await running.letters()).values()
    assert (letter.letter.reason, letter.letter.target, letter.letter.owner) == (
        "refused",
        "speech/embedding",
        "u",
    )
    services.respond = hears
    result = await replay(
        letter,
        ledger=running.ledger,
        letters=running.dead_letters,
        outbox=running.producer,
        catalog=catalog,
        now=datetime.now(UTC),
    )
    assert isinstance(result, Replayed)
    assert await settled(running, [receipt], generation=1) == [OutcomeKind.DONE]
    assert await finding(running, Embedding()) is not None


async def test_answers_that_cannot_be_read_use_up_the_attempts(running: World, services: Receiver) -> None:
    services.respond = answering(200, body=b"<html>")
    receipt = await running.producer.enqueue(job())
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]
    assert len(services.received) == 3
    assert await finding(running, Embedding()) is None


async def test_sigterm_breaks_a_long_job_off_and_it_is_run_again(running: World, services: Receiver) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hold(_: Received) -> web.Response:
        arrived.set()
        await released.wait()
        return web.Response()

    services.respond = hold
    receipt = await running.producer.enqueue(job())
    await arrived.wait()
    held = await running.row(Key(receipt.type, receipt.identity, 0))
    assert held is not None
    assert held.lease is not None
    services.respond = hears
    await running.handlers.terminate()

    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    assert row.starts == 0
    assert row.lease is None, "nobody has to wait for its end"
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    assert len(services.received) == 2
    released.set()
