"""Developer webhooks on a real wire: what each kind looks like, and what answers mean."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from contracts import (
    AudioBytes,
    Conversation,
    DaySummary,
    DeveloperWebhook,
    MemoryCreated,
    Notification,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
)
from contracts.webhooks import WebhookEvent
from handlers.effect import Delivery
from handlers.ends import NotWanted, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from handlers.errors import BadSigningKey
from handlers.webhook_request import WebhookRequests
from handlers.webhooks import DeveloperWebhooks
from lanes import LOCAL, WEBHOOKS, HttpLane
from stores import Directory, Endpoint, SigningKey, rotated
from stores.sqlite import open_sqlite
from tests.handlers.secret_manager_server import literal_secrets
from tests.receiver import Received, answering, receiver

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SEGMENT = TranscriptSegment(text="Hi", speaker="SPEAKER_00", speaker_id=0, is_user=True, start=0.5, end=1.25)
CONVERSATION = Conversation(
    id="c1", created_at=NOW, transcript_segments=(SEGMENT,), structured=Structured(title="A walk")
)
DELIVERY = Delivery(id="msg_0123", attempt=1, deadline=5.0)


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield stores.directory


@pytest.fixture
async def webhooks(directory: Directory) -> AsyncIterator[DeveloperWebhooks]:
    async with HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        yield DeveloperWebhooks(
            directory, WebhookRequests(lane, literal_secrets(), clock=lambda: datetime.now(UTC))
        )


def task(event: WebhookEvent) -> DeveloperWebhook:
    return DeveloperWebhook(uid="user 1", event=event)


def endpoint(event: WebhookEvent, url: str) -> Endpoint:
    return Endpoint(uid="user 1", kind=event.kind, url=url, keys=(SigningKey(secret=SECRET),))


@pytest.mark.parametrize(
    ("event", "query", "content_type", "body"),
    [
        (
            MemoryCreated(conversation=CONVERSATION),
            {"uid": "user 1"},
            "application/json",
            {
                "id": "c1",
                "created_at": "2026-11-01T12:00:00Z",
                "started_at": None,
                "finished_at": None,
                "transcript_segments": [
                    {
                        "text": "Hi",
                        "speaker": "SPEAKER_00",
                        "speakerId": 0,
                        "speaker_name": None,
                        "is_user": True,
                        "start": 0.5,
                        "end": 1.25,
                    }
                ],
                "structured": {
                    "title": "A walk",
                    "overview": "",
                    "emoji": "",
                    "category": "other",
                    "action_items": [],
                    "events": [],
                },
                "apps_response": [],
                "discarded": False,
                "folder_id": None,
                "folder_name": None,
            },
        ),
        (
            RealtimeTranscript(stream_id="s", sequence=3, segments=(SEGMENT,)),
            {"uid": "user 1"},
            "application/json",
            {
                "segments": [
                    {
                        "text": "Hi",
                        "speaker": "SPEAKER_00",
                        "speakerId": 0,
                        "speaker_name": None,
                        "is_user": True,
                        "start": 0.5,
                        "end": 1.25,
                    }
                ],
                "session_id": "user 1",
            },
        ),
        (
            DaySummary(date=date(2026, 11, 1), summary="Walked", summary_json={"km": 4}, created_at=NOW),
            {"uid": "user 1"},
            "application/json",
            {
                "summary": "Walked",
                "summary_json": {"km": 4},
                "uid": "user 1",
                "created_at": "2026-11-01T12:00:00Z",
            },
        ),
    ],
)
async def test_json_kinds_on_the_wire(
    webhooks: DeveloperWebhooks,
    directory: Directory,
    event: WebhookEvent,
    query: dict[str, str],
    content_type: str,
    body: dict[str, object],
) -> None:
    async with receiver() as target:
        await directory.put_endpoint(endpoint(event, f"{target.url}/hook?token=abc"))
        assert await webhooks(task(event), DELIVERY) == Returned()
    got = target.received[0]
    assert got.method == "POST"
    assert got.query == {"token": "abc", **query}
    assert got.headers["content-type"] == content_type
    assert json.loads(got.body) == body
    assert got.headers["webhook-id"] == "msg_0123"
    Webhook(SECRET).verify(got.body, dict(got.headers))


async def test_every_key_of_a_rotation_signs_and_none_is_logged_or_told(
    webhooks: DeveloperWebhooks, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    event = MemoryCreated(conversation=CONVERSATION)
    new = "whsec_" + "A" * 43 + "="
    async with receiver() as target:
        before = endpoint(event, target.url)
        await directory.put_endpoint(rotated(before, new, now=datetime.now(UTC)))
        assert await webhooks(task(event), DELIVERY) == Returned()
        await directory.put_endpoint(rotated(before, new + "broken", now=datetime.now(UTC)))
        with pytest.raises(BadSigningKey) as raised:
            await webhooks(task(event), DELIVERY)
    got = target.received[0]
    assert len(target.received) == 1
    for secret in (SECRET, new):
        Webhook(secret).verify(got.body, dict(got.headers))
    told = caplog.text + "".join(traceback.format_exception(raised.value)) + str(got)
    assert not [secret for secret in (SECRET, new) if secret.removeprefix("whsec_") in told]


async def test_audio_is_raw_bytes_with_its_rate_and_place(
    webhooks: DeveloperWebhooks, directory: Directory
) -> None:
    event = AudioBytes(stream_id="s9", sequence=7, sample_rate=16000, audio=b"\x00\xff\x10\x80")
    async with receiver() as target:
        await directory.put_endpoint(endpoint(event, target.url))
        assert await webhooks(task(event), DELIVERY) == Returned()
    got = target.received[0]
    assert got.body == b"\x00\xff\x10\x80"
    assert got.query == {"sample_rate": "16000", "uid": "user 1"}
    assert got.headers["content-type"] == "application/octet-stream"
    assert (got.headers["webhook-stream"], got.headers["webhook-sequence"]) == ("s9", "7")


async def test_no_endpoint_is_not_wanted_and_a_paused_one_is_left_alone(
    webhooks: DeveloperWebhooks, directory: Directory
) -> None:
    event = MemoryCreated(conversation=CONVERSATION)
    assert await webhooks(task(event), DELIVERY) == NotWanted(Reason.NO_ENDPOINT)
    async with receiver() as target:
        await directory.put_endpoint(replace(endpoint(event, target.url), paused=True))
        assert await webhooks(task(event), DELIVERY) == OwnerPaused()
    assert target.received == []


async def test_a_receiver_that_is_away_failed_and_it_is_known_how_fast(directory: Directory) -> None:
    event = MemoryCreated(conversation=CONVERSATION)
    async with receiver() as target:
        await directory.put_endpoint(endpoint(event, target.url))
    readings = iter((NOW, NOW + timedelta(milliseconds=250)))
    async with HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        requests = WebhookRequests(lane, literal_secrets(), clock=lambda: next(readings))
        end = await DeveloperWebhooks(directory, requests)(task(event), DELIVERY)
    assert isinstance(end, TargetFailed)
    assert end.connection_lost_after == timedelta(milliseconds=250)


async def test_a_receiver_that_is_slow_failed_and_kept_its_connection(
    webhooks: DeveloperWebhooks, directory: Directory
) -> None:
    event = MemoryCreated(conversation=CONVERSATION)
    left = asyncio.Event()

    async def never(_: Received) -> web.Response:
        await left.wait()
        return web.Response()

    async with receiver(never) as target:
        await directory.put_endpoint(endpoint(event, target.url))
        end = await webhooks(task(event), replace(DELIVERY, deadline=0.05))
        left.set()
    assert isinstance(end, TargetFailed)
    assert end.connection_lost_after is None


async def test_an_address_that_is_none_is_refused(webhooks: DeveloperWebhooks, directory: Directory) -> None:
    event = MemoryCreated(conversation=CONVERSATION)
    await directory.put_endpoint(endpoint(event, "gopher://example.com"))
    end = await webhooks(task(event), DELIVERY)
    assert isinstance(end, TargetRefused)
    assert end.reason is Reason.BLOCKED_ADDRESS


async def test_a_message_in_an_answer_to_a_transcript_becomes_a_notification(
    webhooks: DeveloperWebhooks, directory: Directory
) -> None:
    event = RealtimeTranscript(stream_id="s9", sequence=3, segments=(SEGMENT,))
    async with receiver(answering(200, body=b'{"message": "Take an umbrella"}')) as target:
        for each in (event, MemoryCreated(conversation=CONVERSATION)):
            await directory.put_endpoint(endpoint(each, target.url))
        end = await webhooks(task(event), DELIVERY)
        assert await webhooks(task(MemoryCreated(conversation=CONVERSATION)), DELIVERY) == Returned()
    assert end == Returned(
        then=(
            Notification(
                uid="user 1",
                event="msg_0123",
                subject="s9",
                title="Webhook says",
                body="Take an umbrella",
                data={"kind": "webhook_message"},
            ),
        )
    )


async def test_an_answer_that_asks_to_wait(webhooks: DeveloperWebhooks, directory: Directory) -> None:
    event = MemoryCreated(conversation=CONVERSATION)
    async with receiver(answering(429, {"Retry-After": "17"})) as target:
        await directory.put_endpoint(endpoint(event, target.url))
        end = await webhooks(task(event), DELIVERY)
    assert end == TargetFailed("answered 429", retry_after=timedelta(seconds=17))
