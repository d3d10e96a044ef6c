"""From a published dead letter to the store, and from there back onto its queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from functions_framework.aio import create_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from contracts import Catalog, Envelope, TaskRegistry
from handlers.database import open_database
from handlers.dead_letters.function import MAX_BODY, DeadLetterFunction
from handlers.dead_letters.replay import NotReplayed, Replayed, plan, replay
from handlers.settings import HandlerSettings
from producers.testing import RecordingProducer, recording
from stores import Filter, Kept, Key, Outcome, OutcomeKind
from stores.sqlite import SqliteStores, open_sqlite
from tests.handlers.conftest import Note
from tests.handlers.pushes import ENVELOPE, LETTER, NOW, RAW, STRUCTURED, URL, pushed, structured, unwrapped
from tests.handlers.tokens import Issuer
from tests.receiver import answering, receiver
from tests.stores.starts import start

PUSHER = "dead-letters@sidelane-local.iam.gserviceaccount.com"


@pytest.fixture
def settings(tmp_path: Path) -> HandlerSettings:
    return HandlerSettings(database=tmp_path / "dead.sqlite3", dead_letter_url=URL)


@pytest.fixture
async def client(settings: HandlerSettings, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async with receiver(answering(200, body=issuer.certificates())) as certificates:
        named = settings.model_copy(update={"oidc_certs_url": certificates.url})
        function = DeadLetterFunction(lambda: named)

        async def endpoint(request: Request) -> Response:
            return await function(request)

        app = Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as opened:
            yield opened
        await function.aclose()


def token(issuer: Issuer, **claims: object) -> dict[str, str]:
    signed = issuer.token(**{"aud": URL, "email": PUSHER, **claims})  # type: ignore[arg-type]  # a test's shorthand
    return {"Authorization": f"Bearer {signed}"}


async def test_a_pushed_letter_is_kept_once(
    client: httpx.AsyncClient, issuer: Issuer, settings: HandlerSettings
) -> None:
    first = await client.post("/", content=pushed(LETTER), headers=token(issuer))
    again = await client.post("/", content=pushed(LETTER), headers=token(issuer))
    assert (first.status_code, first.json()) == (200, {"outcome": "kept"})
    assert (again.status_code, again.json()) == (200, {"outcome": "known"})
    async with open_database(settings) as stores:
        assert await stores.dead_letters.get(LETTER.id) == Kept(LETTER)


async def test_only_the_subscription_may_push_and_others_are_told_of(
    client: httpx.AsyncClient, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    body = pushed(LETTER)
    assert (await client.post("/", content=body)).status_code == 401
    assert (await client.post("/", content=body, headers=token(issuer, aud="x"))).status_code == 401
    assert (await client.post("/", content=body, headers=token(issuer, email="x@y"))).status_code == 403
    refused = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [message.partition(":")[0] for message in refused] == [
        f"a push was refused, status {status}" for status in (401, 401, 403)
    ]
    assert (await client.get("/")).status_code == 200


async def test_what_cannot_be_read_neither_loops_nor_gets_lost(
    client: httpx.AsyncClient, issuer: Issuer, settings: HandlerSettings
) -> None:
    headers, body = unwrapped(LETTER)
    for content, form in [
        (b"junk", {}),
        (structured(LETTER), STRUCTURED),
        (body, {name: value for name, value in headers.items() if name != "authorization"}),
    ]:
        answer = await client.post("/", content=content, headers=form | token(issuer))
        assert answer.status_code == 200
    async with open_database(settings) as stores:
        found = await stores.dead_letters.find(Filter(), limit=10)
    assert {(kept.letter.reason, kept.letter.body) for kept in found} == {
        ("undecodable", b"junk"),
        ("attempts-used", LETTER.body),
    }


async def test_a_body_that_no_message_can_have_is_refused(client: httpx.AsyncClient, issuer: Issuer) -> None:
    answer = await client.post("/", content=b" " * (MAX_BODY + 1), headers=token(issuer))
    assert answer.status_code == 413


@pytest.fixture
def framework_app() -> ASGIApp:
    app: ASGIApp = create_asgi_app("dead_letter", "handlers/dead_letters/function.py")
    return app


async def test_functions_framework_serves_it(framework_app: ASGIApp) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(framework_app), base_url=URL) as opened:
        assert (await opened.get("/")).json() == {"outcome": "ok"}


@pytest.fixture
async def producer(catalog: Catalog) -> AsyncIterator[RecordingProducer]:
    async with recording(catalog, TaskRegistry([Note])) as opened:
        yield opened


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened


async def test_a_replay_is_the_next_generation_with_the_same_delivery_id(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    await stores.dead_letters.add(LETTER)
    later = NOW + timedelta(days=9)
    result = await replay(
        Kept(LETTER),
        ledger=stores.ledger,
        letters=stores.dead_letters,
        outbox=producer,
        catalog=catalog,
        now=later,
    )
    (task,) = producer.created
    onward = Envelope.decode(task.http_request.body)
    assert result == Replayed(LETTER.id, 1, task.name)
    assert (onward.generation, onward.attempt, onward.park, onward.accepted_at) == (1, 1, 0, later)
    assert onward.payload == ENVELOPE.payload
    assert onward.delivery_id == ENVELOPE.delivery_id
    assert "/queues/developer-webhooks/tasks/" in task.name
    kept = await stores.dead_letters.get(LETTER.id)
    assert kept == Kept(LETTER, replayed_at=later, replayed_as=1)


async def test_replaying_twice_enqueues_once(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    await stores.dead_letters.add(LETTER)
    for _ in range(2):
        await replay(
            Kept(LETTER),
            ledger=stores.ledger,
            letters=stores.dead_letters,
            outbox=producer,
            catalog=catalog,
            now=NOW,
        )
    assert len(producer.created) == 1


@pytest.mark.parametrize(
    ("ended", "why"),
    [(None, "under way or done"), (OutcomeKind.DONE, "under way or done"), (OutcomeKind.DEAD, "died too")],
)
async def test_a_generation_that_went_on_is_left_alone(
    stores: SqliteStores, catalog: Catalog, ended: OutcomeKind | None, why: str
) -> None:
    key = Key.of(ENVELOPE)._replace(generation=1)
    begun = start(key, ENVELOPE.position)
    await stores.ledger.claim(begun)
    if ended:
        await stores.ledger.record(begun, Outcome(kind=ended, reason="test", decided_at=NOW), b"")
    planned = await plan(Kept(LETTER), ledger=stores.ledger, catalog=catalog, now=NOW)
    assert isinstance(planned, NotReplayed)
    assert why in planned.why


async def test_what_cannot_be_replayed_says_why(stores: SqliteStores, catalog: Catalog) -> None:
    raw = await plan(Kept(RAW), ledger=stores.ledger, catalog=catalog, now=NOW)
    assert isinstance(raw, NotReplayed)
    assert "envelope cannot be read" in raw.why
    moved = replace(Kept(LETTER), letter=LETTER.model_copy(update={"queue": "retired"}))
    gone = await plan(moved, ledger=stores.ledger, catalog=catalog, now=NOW)
    assert isinstance(gone, NotReplayed)
    assert "'retired'" in gone.why
