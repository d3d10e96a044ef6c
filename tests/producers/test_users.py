"""Who a request comes from: Firebase's ID tokens, right and wrong, and whom their bearer may act for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from producers import InvalidSettings
from producers.app import create_app
from producers.backend_settings import BackendSettings
from producers.rate_limit import Group, RateLimit
from stores import FirestoreDatabase
from tests.handlers.tokens import Issuer
from tests.producers.conftest import QUEUES_FILE
from tests.producers.test_app import FLUSH, FLUSHES, away, problem
from tests.receiver import Received, Receiver, answering, receiver

PROJECT = "sidelane-local"
NOBODY_TO_TELL = 503  # the task service is away: the request was let in


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def certs(issuer: Issuer) -> AsyncIterator[Receiver]:
    async def certificates(_: Received) -> web.Response:
        return web.Response(body=issuer.certificates(), headers={"Cache-Control": "public, max-age=600"})

    async with receiver(certificates) as running:
        yield running


@pytest.fixture
async def app(certs: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8")
    settings = away(tmp_path).model_copy(
        update={
            "trusts_callers": False,
            "firebase_certs_url": certs.url,
            "rate_limits": {Group.EVENTS: RateLimit(per_second=0.01, burst=30)},
        }
    )
    built = create_app(settings)
    async with built.router.lifespan_context(built):
        yield built


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as opened:
        yield opened


def of(issuer: Issuer, uid: object = "ada", **changes: object) -> dict[str, str]:
    claims = {
        "iss": f"https://securetoken.google.com/{PROJECT}",
        "aud": PROJECT,
        "sub": uid,
        "user_id": uid,
        "auth_time": int(time.time()) - 60,
        "email": "ada@example.com",
        "email_verified": False,
        "azp": None,
    }
    return {"Authorization": f"Bearer {issuer.token(**{**claims, **changes})}"}  # type: ignore[arg-type]


async def test_a_user_may_act_for_itself_alone(client: httpx.AsyncClient, issuer: Issuer) -> None:
    assert (await client.post(FLUSHES, json=FLUSH, headers=of(issuer))).status_code == NOBODY_TO_TELL
    refused = problem(await client.post(FLUSHES, json=FLUSH, headers=of(issuer, "eve")), 403)
    assert "your own uid" in refused["detail"]
    told = {"uid": "eve", "event": "e1", "subject": "c1", "title": "A", "body": "B"}
    problem(await client.post("/v1/notifications", json=told, headers=of(issuer)), 403)
    told["uid"] = "ada"
    assert (await client.post("/v1/notifications", json=told, headers=of(issuer))).status_code == 503


WRONG: list[dict[str, object]] = [
    {"aud": "another-project"},
    {"iss": "https://accounts.google.com"},
    {"iss": "https://securetoken.google.com/another-project"},
    {"lifetime": -60},
    {"iat": 9_999_999_999, "exp": 9_999_999_999},
    {"auth_time": 9_999_999_999},
    {"sub": ""},
    {"sub": "u" * 129},
    {"sub": None},
    {"sub": 7},
    {"algorithm": "none"},
    {"algorithm": "HS256"},
    {"header": {"kid": "k9"}},
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
async def test_a_wrong_token_is_nobody(
    client: httpx.AsyncClient, issuer: Issuer, changes: dict[str, object]
) -> None:
    answer = await client.post(FLUSHES, json=FLUSH, headers=of(issuer, **changes))
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}])
async def test_without_a_token_nobody_is_let_in(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    answer = await client.post(FLUSHES, json=FLUSH, headers={**header, "X-Sidelane-Uid": "ada"})
    assert "Authorization: Bearer" in problem(answer, 401)["detail"]


async def test_a_key_of_another_hand_proves_nothing(client: httpx.AsyncClient) -> None:
    problem(await client.post(FLUSHES, json=FLUSH, headers=of(Issuer())), 401)


async def test_certificates_are_fetched_once_for_everybody(
    client: httpx.AsyncClient, certs: Receiver, issuer: Issuer
) -> None:
    await asyncio.gather(*(client.post(FLUSHES, json=FLUSH, headers=of(issuer)) for _ in range(10)))
    assert len(certs.received) == 1


async def test_while_certificates_are_away_callers_are_told_to_come_back(
    client: httpx.AsyncClient, certs: Receiver, issuer: Issuer
) -> None:
    certs.respond = answering(500)
    answer = await client.post(FLUSHES, json=FLUSH, headers=of(issuer))
    assert "SIDELANE_FIREBASE_CERTS_URL" in problem(answer, 503)["detail"]
    assert int(answer.headers["retry-after"]) >= 1


async def test_one_user_s_rate_is_its_own(client: httpx.AsyncClient, issuer: Issuer) -> None:
    headers = of(issuer)
    first = await client.post(FLUSHES, json={**FLUSH, "segments": []}, headers=headers)
    for _ in range(29):
        assert (await client.post(FLUSHES, json={}, headers=headers)).status_code == 422
    over = await client.post(FLUSHES, json=FLUSH, headers=headers)
    problem(over, 429)
    assert int(over.headers["retry-after"]) > 50
    assert over.headers["ratelimit"].startswith('"events";r=0')
    other = await client.post("/v1/users/bob/transcript-flushes", json={}, headers=of(issuer, "bob"))
    assert (first.status_code, other.status_code) == (422, 422)


async def test_a_trusted_caller_acts_for_whom_it_says(tmp_path: Path) -> None:
    app = create_app(away(tmp_path))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as client,
    ):
        assert (await client.post(FLUSHES, json=FLUSH)).status_code == NOBODY_TO_TELL
        answer = await client.post(FLUSHES, json=FLUSH, headers={"Authorization": "Bearer x.y.z"})
        assert answer.status_code == 401  # who sends a token is asked to prove it all the same


def test_nobody_is_trusted_on_cloud_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "backend")
    with pytest.raises(InvalidSettings, match="SIDELANE_TRUSTS_CALLERS"):
        BackendSettings(
            project="p",
            location="l",
            handlers_url="https://handlers.example.com",
            invoker_email="a@b",
            blobs="gs://some-bucket",
            llm_url="https://models.example.com",
            uploads=Path("/mnt/uploads"),
            queues_file=QUEUES_FILE,
            database=FirestoreDatabase("(default)"),
            public_url="https://backend.example.com",
            trusts_callers=True,
        )
