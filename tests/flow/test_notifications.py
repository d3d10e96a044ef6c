"""Notifications from the router to a server in FCM's shape: sent, retried, parked, buried, replayed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from contracts import BulkNotification, Catalog, Notification
from contracts.bulk_notifications import MAX_USERS
from handlers.dead_letters.replay import Replayed, replay
from producers import notify_many
from producers.routers import notifications
from stores import Device, Key, OutcomeKind, Row
from tests.flow.world import World, world
from tests.handlers.fcm_answers import QUOTA_EXCEEDED, UNREGISTERED, message_in, refusal, sent
from tests.producers.trust import trust_callers
from tests.receiver import Received, Receiver, answering, receiver

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WALK = Notification(uid="u", event="memory/u/c1", subject="c1", title="A walk", body="is over")


def device(token: str, uid: str = "u") -> Device:
    return Device(uid=uid, token=token, platform="android", added_at=NOW)


def key_of(task: Notification | BulkNotification, generation: int = 0) -> Key:
    return Key(task.name, task.identity(), generation)


def to(one: Device) -> Notification:
    return WALK.model_copy(update={"uid": one.uid, "device": one.id})


async def taken(_: Received) -> web.Response:
    return sent()


@pytest.fixture
async def fcm() -> AsyncIterator[Receiver]:
    async with receiver(taken) as opened:
        yield opened


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, fcm: Receiver
) -> AsyncIterator[World]:
    environment = {"SIDELANE_FCM_URL": fcm.url, "SIDELANE_FCM_CREDENTIALS": "none"}
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
    ) as opened:
        yield opened


@pytest.fixture
async def backend(running: World) -> AsyncIterator[httpx.AsyncClient]:
    """The router, on the producer that the world has opened."""
    app = FastAPI()
    trust_callers(app)
    app.include_router(notifications.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as client:
        yield client


async def told(backend: httpx.AsyncClient, task: Notification = WALK) -> None:
    answer = await backend.post("/v1/notifications", json=json.loads(task.model_dump_json()))
    assert answer.status_code == 202


async def ended(running: World, *keys: Key) -> list[Row]:
    """The rows, once all have ended."""

    async def rows() -> list[Row]:
        found = [await running.row(key) for key in keys]
        return [row for row in found if row is not None and row.outcome is not None and row.outcome.final]

    async def all_ended() -> bool:
        return len(await rows()) == len(keys)

    await running.signal.until(all_ended)
    return await rows()


def outcomes(rows: list[Row]) -> list[tuple[OutcomeKind, str]]:
    return [(row.outcome.kind, row.outcome.reason) for row in rows if row.outcome is not None]


async def test_every_device_gets_one_message_and_one_that_is_gone_is_forgotten(
    running: World, backend: httpx.AsyncClient, fcm: Receiver
) -> None:
    phone, tablet, _ = every = [device("phone"), device("tablet"), device("gone")]
    for one in every:
        await running.stores.devices.add(one)

    async def known(got: Received) -> web.Response:
        return web.Response(status=404, body=UNREGISTERED) if message_in(got)["token"] == "gone" else sent()

    fcm.respond = known
    for _ in range(2):
        await told(backend)
    rows = await ended(running, key_of(WALK), *(key_of(to(one)) for one in every))
    assert outcomes(rows) == [
        (OutcomeKind.DONE, "delivered"),
        (OutcomeKind.DONE, "delivered"),
        (OutcomeKind.DONE, "delivered"),
        (OutcomeKind.SKIPPED, "device-gone"),
    ]
    assert Counter(message_in(got)["token"] for got in fcm.received) == {"phone": 1, "tablet": 1, "gone": 1}
    assert {one.id for one in await running.stores.devices.of("u")} == {phone.id, tablet.id}
    await running.drained()
    assert await running.letters() == {}


async def test_who_has_no_device_is_skipped(
    running: World, backend: httpx.AsyncClient, fcm: Receiver
) -> None:
    await told(backend)
    assert outcomes(await ended(running, key_of(WALK))) == [(OutcomeKind.SKIPPED, "no-device")]
    assert fcm.received == []


async def test_a_failure_is_tried_again_and_collapses_with_what_may_have_arrived(
    running: World, backend: httpx.AsyncClient, fcm: Receiver
) -> None:
    await running.stores.devices.add(device("phone"))

    async def second(_: Received) -> web.Response:
        if len(fcm.received) > 1:
            return sent()
        return web.Response(status=503, body=refusal(503, "UNAVAILABLE", "UNAVAILABLE"))

    fcm.respond = second
    await told(backend)
    (row,) = await ended(running, key_of(WALK))
    assert [end.outcome.kind for end in row.history] == [OutcomeKind.RETRY, OutcomeKind.DONE]
    first, again = (message_in(got) for got in fcm.received)
    assert first == again
    assert first["android"] == {"collapse_key": WALK.collapse_key, "notification": {"tag": WALK.collapse_key}}


async def test_over_the_quota_it_waits_a_minute_and_uses_no_attempt(
    running: World, backend: httpx.AsyncClient, fcm: Receiver
) -> None:
    await running.stores.devices.add(device("phone"))
    fcm.respond = answering(429, {"Retry-After": "7"}, QUOTA_EXCEEDED)
    await told(backend)

    async def parked() -> bool:
        row = await running.row(key_of(WALK))
        waits = await running.emulator.task_names("notifications-retry")
        return bool(row and row.outcome and row.outcome.kind == OutcomeKind.PARK and waits)

    await running.signal.until(parked)
    row = await running.row(key_of(WALK))
    assert row is not None
    assert row.outcome is not None
    assert row.outcome.due is not None
    assert row.outcome.due - row.outcome.decided_at >= timedelta(seconds=59)
    assert row.outcome.next is not None
    assert (row.outcome.next.attempt, row.outcome.next.park) == (1, 1)

    fcm.respond = taken
    (waiting,) = await running.emulator.task_names("notifications-retry")
    await running.emulator.tasks.run_task(name=waiting)
    (row,) = await ended(running, key_of(WALK))
    assert [end.outcome.kind for end in row.history] == [OutcomeKind.PARK, OutcomeKind.DONE]
    assert len(fcm.received) == 2


def written(folder: Path) -> bytes:
    """Everything that the run has left on disk, but for the table of devices."""
    with closing(sqlite3.connect(folder / "stores.sqlite3")) as connection:
        rows = "\n".join(line for line in connection.iterdump() if '"device"' not in line)
    others = [path for path in folder.rglob("*") if path.is_file() and "stores.sqlite3" not in path.name]
    assert any(path.name == "handlers.log" for path in others)
    return rows.encode() + b"".join(path.read_bytes() for path in others)


async def test_what_fcm_never_takes_is_buried_and_replayed_and_no_token_is_told(
    running: World, backend: httpx.AsyncClient, fcm: Receiver, catalog: Catalog, tmp_path: Path
) -> None:
    phone = device("APA91b-token-of-the-phone")
    await running.stores.devices.add(phone)
    refused = refusal(
        400, "INVALID_ARGUMENT", message=f"{phone.token} gets no such data", fields=["message.data[0].key"]
    )
    fcm.respond = answering(400, body=refused)
    await told(backend)
    assert outcomes(await ended(running, key_of(WALK))) == [(OutcomeKind.DEAD, "refused")]

    async def buried() -> bool:
        return bool(await running.letters())

    await running.signal.until(buried)
    (kept,) = (await running.letters()).values()
    assert (kept.letter.reason, kept.letter.target, kept.letter.owner) == ("refused", "fcm", "u")
    assert "message.data[0].key" in kept.letter.detail

    fcm.respond = taken
    result = await replay(
        kept,
        ledger=running.ledger,
        letters=running.dead_letters,
        outbox=running.producer,
        catalog=catalog,
        now=datetime.now(UTC),
    )
    assert isinstance(result, Replayed)
    assert outcomes(await ended(running, key_of(WALK, 1))) == [(OutcomeKind.DONE, "delivered")]
    assert await running.stores.devices.of("u") == (phone,)
    found = await asyncio.to_thread(written, tmp_path)
    assert phone.id.encode() not in found  # the task named no device
    assert b"refused" in found
    assert phone.token.encode() not in found


async def test_many_users_are_told_once_each(running: World, fcm: Receiver) -> None:
    uids = [f"user-{number}" for number in range(MAX_USERS + 20)]
    some = uids[:: MAX_USERS // 10]
    for uid in some:
        await running.stores.devices.add(device(f"phone of {uid}", uid))
    for _ in range(2):
        await notify_many(uids, event="news/1", subject="news", title="New", body="A summary a day")
    tasks = list(
        BulkNotification.of(uids, event="news/1", subject="news", title="New", body="A summary a day")
    )
    assert len(tasks) == 2
    everyone = [one for task in tasks for one in task.each()]
    rows = await ended(running, *map(key_of, tasks), *map(key_of, everyone))
    assert Counter(kind for kind, _ in outcomes(rows)) == {
        OutcomeKind.DONE: len(tasks) + len(some),
        OutcomeKind.SKIPPED: len(uids) - len(some),
    }
    assert sorted(str(message_in(got)["token"]) for got in fcm.received) == sorted(
        f"phone of {uid}" for uid in some
    )
