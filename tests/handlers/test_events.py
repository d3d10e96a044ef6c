"""Events over HTTP, as Pub/Sub pushes them: who may, what follows, and what comes again."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from contracts import AppWebhook, Catalog, Envelope
from handlers.app import MAX_BODY, MAX_PUSH
from handlers.fan_out import PAGE
from stores import Apps
from tests.contracts.events import created, flushed
from tests.handlers.apps import app
from tests.handlers.conftest import START, Service
from tests.handlers.event_pushes import CONVERSATIONS, FLUSHES, TRACE, pushed, wrapped
from tests.handlers.tokens import AUDIENCE, EMAIL, EVENT_AUDIENCE, EVENT_PUSHER


async def post(
    service: Service, body: object, *, subscription: str = CONVERSATIONS, token: str | None = None
) -> httpx.Response:
    token = token or service.issuer.token(aud=EVENT_AUDIENCE, email=EVENT_PUSHER)
    return await service.client.post(
        f"/events/{subscription}", json=body, headers={"Authorization": f"Bearer {token}"}
    )


async def enabled(apps: Apps, *ids: str, uid: str = "ada") -> None:
    for app_id in ids:
        await apps.add_app(app(app_id))
        await apps.enable(uid, app_id)


async def metrics(service: Service) -> str:
    return (await service.client.get("/metrics")).text


async def test_each_app_that_the_user_enabled_gets_its_task(service: Service) -> None:
    await enabled(service.apps, "one", "two")
    await enabled(service.apps, "three", uid="bob")
    answer = await post(service, pushed(created(revision=2)))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "2 tasks"})
    told = created(revision=2).as_webhook()
    assert service.producer.tasks == [
        AppWebhook(app_id=app_id, uid="ada", event=told) for app_id in ("one", "two")
    ]
    text = await metrics(service)
    assert 'sidelane_events_total{outcome="fanned-out",topic="conversation-created"} 1.0' in text
    assert 'sidelane_event_tasks_total{outcome="enqueued",topic="conversation-created"} 2.0' in text
    assert "sidelane_events_in_flight 0.0" in text


async def test_an_event_delivered_again_leads_to_no_second_task(service: Service) -> None:
    await enabled(service.apps, "one", "two")
    for _ in range(2):
        assert (await post(service, pushed(flushed(7)), subscription=FLUSHES)).status_code == 200
    assert len(service.producer.tasks) == 2
    text = await metrics(service)
    assert 'sidelane_event_tasks_total{outcome="duplicate",topic="transcript-flushed"} 2.0' in text


async def test_an_app_is_told_of_what_it_asked_for_alone(service: Service) -> None:
    await enabled(service.apps, "all", "deaf")
    await service.apps.change_app(
        "deaf", lambda found: replace(found, triggers=frozenset({"memory_creation"}))
    )
    await post(service, pushed(flushed()), subscription=FLUSHES)
    assert [task.app_id for task in service.producer.tasks if isinstance(task, AppWebhook)] == ["all"]


async def test_more_apps_than_a_page_are_all_told(service: Service) -> None:
    ids = [f"app-{number:04}" for number in range(2 * PAGE + 1)]
    await enabled(service.apps, *ids)
    answer = await post(service, pushed(created()))
    assert answer.json() == {"outcome": f"{len(ids)} tasks"}
    assert len(service.producer.tasks) == len(ids)


async def test_a_user_without_apps_costs_nothing(service: Service) -> None:
    assert (await post(service, pushed(created()))).json() == {"outcome": "0 tasks"}
    assert service.producer.created == []


async def test_the_trace_of_whoever_told_the_event_goes_on(service: Service) -> None:
    await enabled(service.apps, "one")
    await post(service, pushed(created()))
    (task,) = service.producer.created
    trace = Envelope.decode(task.http_request.body).trace
    assert trace is not None
    assert trace.split("-")[1] == TRACE.split("-")[1]


async def test_what_is_of_no_use_any_more_is_not_enqueued(service: Service, catalog: Catalog) -> None:
    await enabled(service.apps, "one")
    limit = catalog.get("app-webhooks-realtime").delivery.age_limit
    service.clock.now = START + limit + timedelta(seconds=1)
    assert (await post(service, pushed(flushed(1)), subscription=FLUSHES)).status_code == 200
    assert service.producer.tasks == []
    assert "too-old" in await metrics(service)
    await post(service, pushed(created()))
    assert len(service.producer.tasks) == 1, "a conversation is worth days"
    await post(service, pushed(flushed(2), service.clock.now - limit), subscription=FLUSHES)
    assert len(service.producer.tasks) == 2


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": AUDIENCE, "email": EVENT_PUSHER}, 401),
        ({"aud": EVENT_AUDIENCE, "email": EMAIL}, 403),
        ({"aud": EVENT_AUDIENCE, "email": EVENT_PUSHER, "lifetime": -60}, 401),
        ({"aud": EVENT_AUDIENCE, "email": EVENT_PUSHER, "email_verified": False}, 403),
    ],
)
async def test_only_the_pusher_of_events_may_push_them(
    service: Service, claims: dict[str, Any], status: int
) -> None:
    await enabled(service.apps, "one")
    token = service.issuer.token(**claims)
    assert (await post(service, pushed(created()), token=token)).status_code == status
    assert service.producer.tasks == []
    assert re.search(rf'sidelane_refused_callers_total{{.*status="{status}"}} 1\.0', await metrics(service))


async def test_who_pushes_events_may_send_no_tasks(service: Service) -> None:
    token = service.issuer.token(aud=EVENT_AUDIENCE, email=EVENT_PUSHER)
    assert (await service.post(b"", token=token)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"message": {"data": "!"}},
        wrapped(b"junk", created().to_message(trace=None)[1]),
        wrapped(b"{}", created().to_message(trace=None)[1]),
        wrapped(created().to_payload(), {}),
        pushed(flushed()),
    ],
)
async def test_what_is_no_event_of_the_topic_is_left_to_its_dead_letter_policy(
    service: Service, body: object
) -> None:
    await enabled(service.apps, "one")
    assert (await post(service, body)).status_code == 400
    assert service.producer.created == []
    assert 'sidelane_events_total{outcome="undecodable",topic="conversation-created"} 1.0' in await metrics(
        service
    )


async def test_as_much_as_pub_sub_carries_is_read_and_no_more(service: Service) -> None:
    await enabled(service.apps, "one")
    segment = flushed().segments[0]
    long = flushed().model_copy(
        update={"segments": (segment.model_copy(update={"text": "x" * (MAX_PUSH // 2)}),)}
    )
    assert (await post(service, pushed(long), subscription=FLUSHES)).status_code != 413
    longer = long.model_copy(update={"segments": long.segments * 2})
    assert (await post(service, pushed(longer), subscription=FLUSHES)).status_code == 413
    assert (await service.post(b" " * (MAX_BODY + 1))).status_code == 413


async def test_an_event_of_newer_code_comes_again(service: Service) -> None:
    data, attributes = created().to_message(trace=None)
    answer = await post(service, wrapped(data, {**attributes, "version": "2"}))
    assert answer.status_code == 503
    assert "needs-newer-code" in await metrics(service)


async def test_a_subscription_of_newer_code_comes_again(service: Service) -> None:
    assert (await post(service, pushed(created()), subscription="users-created")).status_code == 503
    assert 'outcome="needs-newer-code",topic="unknown"' in await metrics(service)
