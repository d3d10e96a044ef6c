"""App webhooks on a real wire: who is told what, and what becomes of the answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx import Headers
from standardwebhooks import Webhook

from contracts import AppWebhook, AudioBytes, MemoryCreated, Notification
from contracts.app_webhooks import AppEvent
from handlers.answer_message import MAX_LENGTH, message_in, told_by_app
from handlers.app_webhooks import AppWebhooks, app_keeper
from handlers.effect import Delivery
from handlers.ends import NotWanted, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from handlers.health import Keeper
from handlers.webhook_request import WebhookRequests
from lanes import LOCAL, WEBHOOKS, Answer, HttpLane
from stores import Apps
from stores.sqlite import open_sqlite
from tests.contracts.events import created, flushed
from tests.handlers.apps import SECRET, app
from tests.handlers.secret_manager_server import literal_secrets
from tests.receiver import answering, receiver

DELIVERY = Delivery(id="msg_0123", attempt=1, deadline=5.0)
CONVERSATION = created().as_webhook()
TRANSCRIPT = flushed(3).as_webhook()
AUDIO = AudioBytes(stream_id="s", sequence=0, sample_rate=16_000, audio=b"\x00\xff")


@pytest.fixture
async def apps(tmp_path: Path) -> AsyncIterator[Apps]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield stores.apps


@pytest.fixture
async def webhooks(apps: Apps) -> AsyncIterator[AppWebhooks]:
    async with HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        yield AppWebhooks(apps, WebhookRequests(lane, literal_secrets(), clock=lambda: datetime.now(UTC)))


async def enabled(apps: Apps, url: str) -> None:
    await apps.add_app(app(url=url))
    await apps.enable("user 1", "weather")


def task(event: AppEvent) -> AppWebhook:
    return AppWebhook(app_id="weather", uid="user 1", event=event)


@pytest.mark.parametrize(
    ("event", "query", "body"),
    [
        (
            CONVERSATION,
            {"uid": "user 1"},
            json.loads(CONVERSATION.conversation.model_dump_json()),
        ),
        (
            TRANSCRIPT,
            {"uid": "user 1"},
            {
                "session_id": "user 1",
                "segments": [
                    {
                        "text": "good morning",
                        "speaker": None,
                        "speakerId": None,
                        "speaker_name": None,
                        "is_user": False,
                        "start": 0.0,
                        "end": 1.5,
                    }
                ],
            },
        ),
    ],
)
async def test_json_kinds_on_the_wire(
    webhooks: AppWebhooks, apps: Apps, event: AppEvent, query: dict[str, str], body: dict[str, object]
) -> None:
    async with receiver() as target:
        await enabled(apps, f"{target.url}/hook?key=1")
        assert await webhooks(task(event), DELIVERY) == Returned()
    (got,) = target.received
    assert (got.method, got.path, got.query) == ("POST", "/hook", {"key": "1", **query})
    assert got.headers["content-type"] == "application/json"
    assert json.loads(got.body) == body
    assert got.headers["webhook-id"] == "msg_0123"
    Webhook(SECRET).verify(got.body, dict(got.headers))


async def test_audio_is_raw_bytes_and_its_answer_says_nothing(webhooks: AppWebhooks, apps: Apps) -> None:
    async with receiver(answering(200, body=b'{"message": "I hear you"}')) as target:
        await enabled(apps, target.url)
        assert await webhooks(task(AUDIO), DELIVERY) == Returned()
    (got,) = target.received
    assert got.body == b"\x00\xff"
    assert got.query == {"sample_rate": "16000", "uid": "user 1"}
    assert got.headers["content-type"] == "application/octet-stream"


async def test_a_message_in_an_answer_is_told_to_the_user(webhooks: AppWebhooks, apps: Apps) -> None:
    async with receiver(answering(200, body=b'{"message": "Take an umbrella"}')) as target:
        await enabled(apps, target.url)
        ends = [await webhooks(task(event), DELIVERY) for event in (TRANSCRIPT, CONVERSATION)]
    told = Notification(
        uid="user 1",
        event="msg_0123",
        subject="weather",
        title="Weather says",
        body="Take an umbrella",
        data={"kind": "app_message", "app_id": "weather"},
    )
    chat = {"kind": "chat_message", "app_id": "weather", "conversation_id": "c-1"}
    assert ends == [
        Returned(then=(told,)),
        Returned(then=(told.model_copy(update={"subject": "c-1", "data": chat}),)),
    ]


async def test_an_app_that_is_not_enabled_any_more_is_not_told(webhooks: AppWebhooks, apps: Apps) -> None:
    async with receiver() as target:
        assert await webhooks(task(CONVERSATION), DELIVERY) == NotWanted(Reason.NOT_ENABLED)
        await enabled(apps, target.url)
        await apps.change_app("weather", lambda found: replace(found, triggers=frozenset({"audio_bytes"})))
        assert await webhooks(task(CONVERSATION), DELIVERY) == NotWanted(Reason.NOT_ENABLED)
        await apps.change_app("weather", lambda found: replace(app(url=found.url), paused=True))
        assert await webhooks(task(CONVERSATION), DELIVERY) == OwnerPaused()
        await apps.disable("user 1", "weather")
        assert await webhooks(task(CONVERSATION), DELIVERY) == NotWanted(Reason.NOT_ENABLED)
    assert target.received == []


async def test_answers_are_judged_as_those_of_developers(webhooks: AppWebhooks, apps: Apps) -> None:
    async with receiver(answering(500, body=b'{"message": "Take an umbrella"}')) as target:
        await enabled(apps, target.url)
        assert await webhooks(task(TRANSCRIPT), DELIVERY) == TargetFailed("answered 500")
        target.respond = answering(410)
        gone = await webhooks(task(TRANSCRIPT), DELIVERY)
    assert isinstance(gone, TargetRefused)
    assert gone.reason is Reason.GONE
    await apps.change_app("weather", lambda found: replace(found, url="http://169.254.169.254/"))
    blocked = await webhooks(task(TRANSCRIPT), DELIVERY)
    assert isinstance(blocked, TargetRefused)
    assert blocked.reason is Reason.BLOCKED_ADDRESS


async def test_the_owner_of_an_app_keeps_its_server(apps: Apps) -> None:
    keeper = app_keeper(apps)
    assert await keeper(task(TRANSCRIPT)) is None
    await enabled(apps, "https://weather.example")
    assert await keeper(task(TRANSCRIPT)) == Keeper(uid="maker", endpoint="app Weather")


def said(body: bytes, *, status: int = 200, truncated: bool = False) -> str | None:
    return message_in(Answer(status=status, headers=Headers(), body=body, truncated=truncated))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"message": null}',
        b'{"message": 123456789}',
        b'{"message": ["Take an umbrella"]}',
        b'{"message": "hello"}',
        b'{"message": "ok        "}',
        b'{"message": "Take an umbrella"',
        b'{"message": "\\ud800 umbrella"}',
        b'{"message": ' + b"[" * 100_000,
    ],
)
def test_a_malformed_or_short_message_is_none(body: bytes) -> None:
    assert said(body) is None


def test_a_message_counts_from_six_characters_and_up_to_a_bound() -> None:
    assert said(b'{"message": " hello! ", "other": 1}') == "hello!"
    assert said(json.dumps({"message": "☂" * 5000}).encode()) == "☂" * MAX_LENGTH
    assert said(b'{"message": "hello!"}', status=201) is None
    assert said(b'{"message": "hello!"}', truncated=True) is None


def test_the_longest_names_make_a_notification() -> None:
    long = replace(app("a" * 64), name="n" * 300)
    event = MemoryCreated(conversation=CONVERSATION.conversation.model_copy(update={"id": "c" * 128}))
    answer = Answer(status=200, headers=Headers(), body=b'{"message": "hello!"}', truncated=False)
    (told,) = told_by_app(AppWebhook(app_id=long.id, uid="u" * 128, event=event), long, DELIVERY, answer)
    assert (told.title, told.subject) == ("n" * 100 + " says", "c" * 128)
