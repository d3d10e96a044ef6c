"""App webhooks the whole way: router, event, fan-out, receivers; retried, parked, buried, replayed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from standardwebhooks import Webhook

from contracts import AppWebhook, Catalog, Event, Notification, Task, app_server, delivery_id
from handlers.dead_letters.reading import EVENT_UNDELIVERED
from handlers.dead_letters.replay import Replayed, replay
from handlers.health import Keeper, notice
from producers.routers import webhooks
from stores import App, Key, OutcomeKind, Row, SigningKey
from tests.contracts.events import created, flushed
from tests.flow.world import CATALOG, SECRET, World, world
from tests.producers.trust import trust_callers
from tests.receiver import Received, accept, answering

PARKING = CATALOG.replace("breaker_failures: 1000", "breaker_failures: 2")


@pytest.fixture
def catalog_text() -> str:
    return CATALOG


@pytest.fixture
def catalog_file(tmp_path: Path, catalog_text: str) -> Path:
    path = tmp_path / "queues.yaml"
    path.write_text(catalog_text)
    return path


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as opened:
        yield opened


@pytest.fixture
async def backend(running: World) -> AsyncIterator[httpx.AsyncClient]:
    """The router, on the producer that the world has opened."""
    app = FastAPI()
    trust_callers(app)
    app.include_router(webhooks.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as client:
        yield client


async def enabled(running: World, *ids: str, uid: str = "ada") -> None:
    """Each app's server is a path of the receiver."""
    for app_id in ids:
        await running.stores.apps.add_app(
            App(
                id=app_id,
                name=app_id.title(),
                owner="maker",
                url=f"{running.receiver.url}/{app_id}",
                triggers=frozenset({"memory_creation", "transcript_processed"}),
                keys=(SigningKey(secret=SECRET),),
            )
        )
        await running.stores.apps.enable(uid, app_id)


def told(app_id: str, conversation: str = "c-1") -> AppWebhook:
    return AppWebhook(app_id=app_id, uid="ada", event=created(conversation).as_webhook())


def key_of(task: Task, generation: int = 0) -> Key:
    return Key(task.name, task.identity(), generation)


async def ended(running: World, *keys: Key) -> list[Row]:
    """The rows, once all have ended."""

    async def rows() -> list[Row]:
        found = [await running.row(key) for key in keys]
        return [row for row in found if row and row.outcome and row.outcome.final]

    async def all_ended() -> bool:
        return len(await rows()) == len(keys)

    await running.signal.until(all_ended)
    return await rows()


def kinds(rows: list[Row]) -> list[str]:
    return [row.outcome.kind for row in rows if row.outcome]


def paths(running: World) -> Counter[str]:
    return Counter(got.path for got in running.receiver.received)


async def test_a_stored_conversation_reaches_each_app_once(
    running: World, backend: httpx.AsyncClient
) -> None:
    await enabled(running, "one", "two")
    await enabled(running, "foreign", uid="bob")
    conversation = json.loads(created().conversation.model_dump_json())
    for _ in range(2):  # a caller that repeats itself, and an event that is delivered twice
        answer = await backend.post("/v1/users/ada/conversations", json=conversation)
        assert answer.status_code == 202
    rows = await ended(running, key_of(told("one")), key_of(told("two")))
    await running.drained()
    assert kinds(rows) == [OutcomeKind.DONE, OutcomeKind.DONE]
    assert paths(running) == {"/one": 1, "/two": 1}
    for got in running.receiver.received:
        assert got.query == {"uid": "ada"}
        assert json.loads(got.body) == conversation
        Webhook(SECRET).verify(got.body, dict(got.headers))


async def test_an_answer_with_a_message_becomes_a_notification(
    running: World, backend: httpx.AsyncClient
) -> None:
    async def umbrella(_: Received) -> web.Response:
        return web.json_response({"message": "Take an umbrella"})

    running.receiver.respond = umbrella
    await enabled(running, "weather")
    flush = json.loads(flushed(3).model_dump_json(exclude={"uid"}))
    assert (await backend.post("/v1/users/ada/transcript-flushes", json=flush)).status_code == 202
    webhook = AppWebhook(app_id="weather", uid="ada", event=flushed(3).as_webhook())
    notification = Notification(
        uid="ada",
        event=delivery_id(webhook.name, webhook.identity()),
        subject="weather",
        title="Weather says",
        body="Take an umbrella",
        data={"kind": "app_message", "app_id": "weather"},
    )
    rows = await ended(running, key_of(webhook), key_of(notification))
    assert kinds(rows) == [OutcomeKind.DONE, OutcomeKind.SKIPPED]
    assert [row.outcome.reason for row in rows if row.outcome] == ["delivered", "no-device"]


async def test_a_dead_app_delays_only_its_own_and_is_replayed(running: World, catalog: Catalog) -> None:
    async def one_is_dead(got: Received) -> web.Response:
        return web.Response(status=500 if got.path == "/dead" else 200)

    running.receiver.respond = one_is_dead
    await enabled(running, "dead", "well")
    conversations = [f"c-{number}" for number in range(5)]
    for conversation in conversations:
        await running.producer.publish_event(created(conversation))
    well = await ended(running, *(key_of(told("well", name)) for name in conversations))
    dead = await ended(running, *(key_of(told("dead", name)) for name in conversations))
    assert set(kinds(well)) == {OutcomeKind.DONE}
    assert {row.position.attempt for row in well} == {1}
    assert set(kinds(dead)) == {OutcomeKind.DEAD}
    assert paths(running) == {"/well": 5, "/dead": 5 * catalog.get("app-webhooks").delivery.max_attempts}

    async def all_kept() -> bool:
        return len(await running.letters()) == len(conversations)

    await running.signal.until(all_kept)
    letters = await running.letters()
    letter = letters[told("dead", "c-0").identity()]
    assert (letter.letter.reason, letter.letter.target, letter.letter.owner) == (
        "attempts-used",
        "app/dead",
        "ada",
    )
    running.receiver.received.clear()
    running.receiver.respond = accept
    result = await replay(
        letter,
        ledger=running.ledger,
        letters=running.dead_letters,
        outbox=running.producer,
        catalog=catalog,
        now=datetime.now(UTC),
    )
    assert isinstance(result, Replayed)
    assert kinds(await ended(running, key_of(told("dead", "c-0"), 1))) == [OutcomeKind.DONE]
    (got,) = running.receiver.received
    task = told("dead", "c-0")
    assert got.headers["webhook-id"] == delivery_id(task.name, task.identity())


async def test_an_app_that_recovers_gets_the_same_delivery(running: World) -> None:
    async def third_time(_: Received) -> web.Response:
        return web.Response(status=200 if len(running.receiver.received) > 2 else 503)

    running.receiver.respond = third_time
    await enabled(running, "one")
    await running.producer.publish_event(created())
    assert kinds(await ended(running, key_of(told("one")))) == [OutcomeKind.DONE]
    assert len({got.headers["webhook-id"] for got in running.receiver.received}) == 1
    assert len(running.receiver.received) == 3


@pytest.mark.parametrize("catalog_text", [PARKING])
async def test_the_tasks_of_an_app_that_is_away_are_parked(running: World) -> None:
    async def away_at_first(_: Received) -> web.Response:
        return web.Response(status=200 if len(running.receiver.received) > 2 else 503)

    running.receiver.respond = away_at_first
    await enabled(running, "one")
    conversations = [f"c-{number}" for number in range(8)]
    for conversation in conversations[:2]:
        await running.producer.publish_event(created(conversation))

    async def left_alone() -> bool:
        return len(running.receiver.received) >= 2

    await running.signal.until(left_alone)
    for conversation in conversations[2:]:
        await running.producer.publish_event(created(conversation))
    rows = await ended(running, *(key_of(told("one", name)) for name in conversations))
    assert set(kinds(rows)) == {OutcomeKind.DONE}
    parked = [row for row in rows if any(each.outcome.kind is OutcomeKind.PARK for each in row.history)]
    assert parked
    assert {row.position.attempt for row in rows[2:]} == {1}, "a park uses no attempt"


async def test_an_app_that_is_not_enabled_any_more_is_skipped(running: World) -> None:
    await enabled(running, "one", "two")
    await running.stores.apps.disable("ada", "two")
    await running.producer.enqueue(told("two"))
    await running.producer.publish_event(created())
    rows = await ended(running, key_of(told("one")), key_of(told("two")))
    assert kinds(rows) == [OutcomeKind.DONE, OutcomeKind.SKIPPED]
    assert paths(running) == {"/one": 1}


async def test_a_server_that_is_gone_is_disabled_for_all_users_and_the_apps_owner_told(
    running: World, catalog: Catalog
) -> None:
    running.receiver.respond = answering(410)
    await enabled(running, "one")
    await enabled(running, "one", uid="bob")
    await running.producer.publish_event(created("c-1"))
    assert kinds(await ended(running, key_of(told("one")))) == [OutcomeKind.DEAD]
    health = await running.stores.targets.health(app_server("one"))
    disable_after = catalog.get("app-webhooks").delivery.disable_after
    assert disable_after is not None
    notification = notice(health, Keeper(uid="maker", endpoint="app One"), app_server("one"), disable_after)
    await ended(running, key_of(notification))
    await running.producer.publish_event(created("c-2", uid="bob"))
    of_bob = AppWebhook(app_id="one", uid="bob", event=created("c-2").as_webhook())
    (row,) = await ended(running, key_of(of_bob))
    assert row.outcome is not None
    assert row.outcome.reason == "endpoint-disabled"
    assert len(running.receiver.received) == 1


async def test_what_is_no_event_is_buried_by_its_subscription_and_holds_up_nothing(running: World) -> None:
    await enabled(running, "one")
    event: Event = created()
    attributes = event.to_message(trace=None)[1]
    await running.producer.publish("conversation-created", b"junk", attributes)
    await running.producer.publish_event(event)
    assert kinds(await ended(running, key_of(told("one")))) == [OutcomeKind.DONE]

    async def kept() -> bool:
        return bool(await running.letters())

    await running.signal.until(kept)
    (letter,) = (await running.letters()).values()
    assert (letter.letter.reason, letter.letter.queue, letter.letter.owner) == (
        EVENT_UNDELIVERED,
        "conversation-created-handlers",
        "ada",
    )
    assert letter.letter.attempt >= 5
