"""From a published dead letter to the store, and from there back onto its queue."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from functions_framework.aio import create_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from contracts import Catalog, DeadLetter, Envelope, Position, TaskRegistry, Undecodable
from handlers.dead_letters.function import DeadLetterFunction
from handlers.dead_letters.push import read_push
from handlers.dead_letters.replay import NotReplayed, Replayed, plan, replay
from handlers.settings import HandlerSettings
from producers.testing import RecordingProducer, recording
from stores import Kept, Key, Outcome, OutcomeKind
from stores.sqlite import SqliteStores, open_sqlite
from tests.handlers.conftest import Note
from tests.handlers.tokens import Issuer
from tests.receiver import answering, receiver

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "http://dead.test/"
PUSHER = "dead-letters@sidelane-local.iam.gserviceaccount.com"
ENVELOPE = Envelope.seal(Note(id="n1", realtime=False), accepted_at=NOW, trace=None)
LETTER = DeadLetter.of(
    ENVELOPE.at(Position(attempt=8, park=0)),
    queue="developer-webhooks",
    target="notebook",
    owner="u1",
    reason="attempts-used",
    detail="answered 500 — ünd so weiter",
    died_at=NOW,
)
RAW = DeadLetter.of_bytes(
    b"\xffjunk",
    type_name="note",
    task_name="t1",
    queue="developer-webhooks",
    reason="undecodable",
    detail="",
    died_at=NOW,
)


def pushed(letter: DeadLetter) -> bytes:
    data, attributes = letter.to_message()
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "messageId": "1"}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


@pytest.mark.parametrize("letter", [LETTER, RAW])
def test_a_letter_survives_pubsub_whole(letter: DeadLetter) -> None:
    assert read_push(pushed(letter)) == letter


def test_a_long_detail_fits_an_attribute_and_stays_text() -> None:
    long = DeadLetter.of(ENVELOPE, queue="q", target="t", reason="r", detail="ü" * 2000, died_at=NOW)
    _, attributes = long.to_message()
    assert attributes["detail"] == "ü" * 512


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"message": {"data": "!"}}', b'{"message": {"data": "eA=="}}']
)
def test_a_push_that_is_no_letter_names_the_field(body: bytes) -> None:
    with pytest.raises(Undecodable, match=r"field|attribute"):
        read_push(body)


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
    async with open_sqlite(settings.database) as stores:
        assert await stores.dead_letters.get(LETTER.id) == Kept(LETTER)


async def test_only_the_subscription_may_push(client: httpx.AsyncClient, issuer: Issuer) -> None:
    body = pushed(LETTER)
    assert (await client.post("/", content=body)).status_code == 401
    assert (await client.post("/", content=body, headers=token(issuer, aud="x"))).status_code == 401
    assert (await client.post("/", content=body, headers=token(issuer, email="x@y"))).status_code == 403
    assert (await client.post("/", content=b"junk", headers=token(issuer))).status_code == 400
    assert (await client.get("/")).status_code == 200


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
    await stores.ledger.claim(key, ENVELOPE.position)
    if ended:
        await stores.ledger.record(key, ENVELOPE.position, Outcome(kind=ended, reason="test", decided_at=NOW))
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
