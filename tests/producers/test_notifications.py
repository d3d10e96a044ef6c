"""Notifications on the request path: one user over HTTP, many by a call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from contracts import BulkNotification, Catalog, Notification
from contracts.bulk_notifications import MAX_USERS
from producers import notify_many
from producers.app import create_app
from producers.backend_settings import BackendSettings
from producers.testing import recording
from tests.emulator_fixture import RunningEmulator

ANN = {"uid": "ann", "event": "e1", "subject": "c1", "title": "A walk", "body": "is over"}


@pytest.fixture
async def client(settings: BackendSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as opened,
    ):
        yield opened


async def test_a_notification_is_accepted_once(client: httpx.AsyncClient, emulator: RunningEmulator) -> None:
    answers = [await client.post("/v1/notifications", json=ANN) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True]
    assert len(await emulator.task_names("notifications")) == 1


@pytest.mark.parametrize(
    "fault", [{"link": "http://example.com"}, {"data": {"count": 3}}, {"title": ""}, {"token": "t"}]
)
async def test_what_fcm_would_refuse_is_refused_at_once(
    client: httpx.AsyncClient, emulator: RunningEmulator, fault: dict[str, object]
) -> None:
    answer = await client.post("/v1/notifications", json={**ANN, **fault})
    assert answer.status_code == 422
    assert f"body.{next(iter(fault))}" in answer.json()["detail"]
    assert await emulator.task_names("notifications") == []


async def test_many_users_are_told_in_pieces(catalog: Catalog) -> None:
    uids = [f"user-{number}" for number in range(MAX_USERS + 1)]
    async with recording(catalog) as producer:
        receipts = await notify_many(uids, event="e1", subject="news", title="New", body="Hi")
        again = await notify_many(reversed(uids), event="e1", subject="news", title="New", body="Hi")
    assert [receipt.duplicate for receipt in (*receipts, *again)] == [False, False, True, True]
    told = [task for task in producer.tasks if isinstance(task, BulkNotification)]
    assert sorted(one.uid for task in told for one in task.each()) == sorted(uids)
    assert all(isinstance(one, Notification) for task in told for one in task.each())
