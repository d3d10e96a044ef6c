"""Bodies, payloads, queues and callers that are wrong: each ends as the design says, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts import Catalog
from stores import Key
from tests.handlers.conftest import Note, Service
from tests.handlers.tokens import Issuer

NOTE = Note(id="n1", realtime=False)


@pytest.mark.parametrize(
    "body",
    [b"", b"junk", b"\xff\xfe\n", b'{"type":"note"}\n{}', b'{"type":"note"}', b'["not", "an object"]\n{}'],
)
async def test_a_body_that_is_no_envelope_is_buried_with_its_bytes(service: Service, body: bytes) -> None:
    reply = await service.post(body)
    assert (reply.status_code, reply.json()) == (200, {"outcome": "dead"})
    (letter,) = service.letters()
    assert (letter.reason, letter.body, letter.queue) == ("undecodable", body, "developer-webhooks")
    assert letter.detail
    await service.post(body)
    assert service.letters()[1].id == letter.id
    await service.post(body, task_name="t2")
    assert service.letters()[2].id != letter.id


async def test_an_envelope_of_another_type_than_the_url_is_buried(service: Service) -> None:
    reply = await service.post(service.seal(NOTE).encode(), task_type="other")
    assert reply.json() == {"outcome": "dead"}
    assert "URL of another" in service.letters()[0].detail


async def test_a_payload_that_is_not_valid_is_buried_with_the_field(service: Service) -> None:
    envelope = service.seal(NOTE).model_copy(update={"payload": b'{"id": 7}'})
    assert (await service.post(envelope.encode())).json() == {"outcome": "dead"}
    (letter,) = service.letters()
    assert letter.reason == "undecodable"
    assert "'id'" in letter.detail
    assert letter.identity == "n1"


async def test_a_task_of_a_queue_that_nobody_knows_waits_there(service: Service) -> None:
    for body in (b"junk", service.seal(NOTE).model_copy(update={"version": 3}).encode()):
        reply = await service.post(body, queue="forgotten")
        assert reply.status_code == 500
        assert "forgotten" in reply.json()["outcome"]


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"aud": "http://another.service"}, 401, "audience"),
        ({"lifetime": -60}, 401, "expired"),
        ({"iss": "https://evil.example"}, 401, "issuer"),
        ({"algorithm": "none"}, 401, "algorithm"),
        ({"email": "mallory@example.com"}, 403, "email"),
    ],
    ids=str,
)
async def test_a_caller_without_the_right_token_starts_nothing(
    service: Service, claims: dict[str, Any], status: int, reason: str
) -> None:
    envelope = service.seal(NOTE)
    reply = await service.post(envelope.encode(), token=service.issuer.token(**claims))
    assert reply.status_code == status
    assert service.runs == []
    assert await service.ledger.read(Key.of(envelope)) is None
    metrics = (await service.client.get("/metrics")).text
    assert f'sidelane_refused_callers_total{{reason="{reason}",status="{status}"}} 1.0' in metrics


async def test_a_forged_signature_starts_nothing(service: Service) -> None:
    assert (await service.post(service.seal(NOTE).encode(), token=Issuer().token())).status_code == 401
    assert service.runs == []


async def test_a_task_whose_queue_left_the_catalog_waits(service: Service) -> None:
    kept = service.pipeline.catalog.get("developer-webhooks-realtime")
    pipeline = replace(service.pipeline, catalog=Catalog({kept.name: kept}, "a test"))
    envelope = service.seal(NOTE)
    reply = await pipeline.handle(service.request(envelope))
    assert reply.status == 500
    assert "'developer-webhooks'" in reply.word
    assert await service.ledger.read(Key.of(envelope)) is None
