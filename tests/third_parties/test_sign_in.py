"""Signing in by Google and Apple, through the whole backend, against servers in their shape that check us."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from producers import InvalidSettings
from producers.sign_in import challenge_of
from tests.handlers.tokens import Issuer
from tests.producers.test_app import problem
from tests.third_parties.backend import REDIRECT, serving_backend, settings_for
from tests.third_parties.identity import Identity, identity_server
from tests.third_parties.server import Fault, Server, answer, garbage, reset

VERIFIER = secrets.token_urlsafe(40)


@pytest.fixture
async def parties(identity: Identity) -> AsyncIterator[Server]:
    async with identity_server(identity) as server:
        yield server


@pytest.fixture
async def client(
    parties: Server, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("SIDELANE_HTTP__AUTH__DEADLINE", "1")
    async with serving_backend(settings_for(parties.url, tmp_path, identity)) as (_, opened):
        yield opened


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def begun(client: httpx.AsyncClient, provider: str, **changes: str) -> dict[str, str]:
    """What the provider's page is told."""
    asked = {"redirect_uri": REDIRECT, "code_challenge": challenge_of(VERIFIER), "state": "app-1", **changes}
    sent = await client.get(f"/v1/auth/{provider}/authorize", params=asked)
    assert sent.status_code == 303
    return query(sent.headers["location"])


async def google(client: httpx.AsyncClient, identity: Identity) -> httpx.Response:
    page = await begun(client, "google")
    assert page["redirect_uri"] == "http://backend/v1/auth/google/callback"
    identity.challenges["code-1"] = page["code_challenge"]
    return await client.get("/v1/auth/google/callback", params={"code": "code-1", "state": page["state"]})


async def apple(client: httpx.AsyncClient, identity: Identity) -> httpx.Response:
    page = await begun(client, "apple")
    assert page["response_mode"] == "form_post"
    identity.nonces["code-1"] = page["nonce"]
    form = {"code": "code-1", "state": page["state"], "user": '{"name": {}}'}
    return await client.post("/v1/auth/apple/callback", data=form)


async def fetched(client: httpx.AsyncClient, code: str, verifier: str = VERIFIER) -> httpx.Response:
    return await client.post("/v1/auth/token", json={"code": code, "code_verifier": verifier})


@pytest.mark.parametrize("provider", [google, apple], ids=["google", "apple"])
async def test_a_user_signs_in(client: httpx.AsyncClient, identity: Identity, provider: object) -> None:
    back = await (google if provider is google else apple)(client, identity)
    assert back.status_code == 303, back.text
    assert back.headers["location"].startswith(REDIRECT + "?")
    assert back.headers["cache-control"] == "no-store"
    told = query(back.headers["location"])
    assert told["state"] == "app-1"
    assert "firebase" not in told["code"]
    session = await fetched(client, told["code"])
    assert session.json() == {
        "uid": f"uid-of-{'google' if provider is google else 'apple'}.com",
        "id_token": "firebase-id-token",
        "refresh_token": "firebase-refresh-token",
        "expires_in": 3600,
        "is_new_user": True,
    }
    problem(await fetched(client, told["code"]), 400)


async def test_a_code_is_worth_nothing_to_who_did_not_begin(
    client: httpx.AsyncClient, identity: Identity
) -> None:
    told = query((await google(client, identity)).headers["location"])
    problem(await fetched(client, told["code"], secrets.token_urlsafe(40)), 400)
    problem(await fetched(client, told["code"]), 400)  # and it has been used up by the attempt


async def test_a_state_comes_back_once_and_to_its_provider(
    client: httpx.AsyncClient, identity: Identity
) -> None:
    page = await begun(client, "google")
    identity.challenges["code-1"] = page["code_challenge"]
    wrong = await client.post("/v1/auth/apple/callback", data={"code": "code-1", "state": page["state"]})
    problem(wrong, 400)
    problem(await client.get("/v1/auth/google/callback", params={"code": "c", "state": page["state"]}), 400)
    problem(await client.get("/v1/auth/google/callback", params={"code": "c", "state": "forged"}), 400)
    code = query((await google(client, identity)).headers["location"])["code"]
    problem(await client.get("/v1/auth/google/callback", params={"code": "c", "state": code}), 400)


async def test_users_are_sent_back_to_listed_addresses_alone(client: httpx.AsyncClient) -> None:
    for uri in ("https://evil.example/", REDIRECT + "/x", ""):
        params = {"redirect_uri": uri, "code_challenge": challenge_of(VERIFIER)}
        problem(await client.get("/v1/auth/google/authorize", params=params), 400)


async def test_what_the_provider_refuses_is_told_to_the_app(
    client: httpx.AsyncClient, identity: Identity
) -> None:
    page = await begun(client, "google")
    denied = {"error": "access_denied", "state": page["state"]}
    back = await client.get("/v1/auth/google/callback", params=denied)
    assert query(back.headers["location"]) == {"state": "app-1", "error": "access_denied"}
    identity.disabled = True
    assert query((await google(client, identity)).headers["location"])["error"] == "access_denied"


WRONG: list[dict[str, object]] = [
    {"iss": "https://accounts.google.com"},
    {"aud": "com.example.other"},
    {"nonce": "of-another"},
    {"sub": ""},
    {"lifetime": -60},
    {"algorithm": "none"},
    {"algorithm": "HS256"},
    {"header": {"kid": "k9"}},
]


@pytest.mark.parametrize("claims", WRONG, ids=str)
async def test_a_wrong_token_of_apple_lets_nobody_in(
    client: httpx.AsyncClient, identity: Identity, parties: Server, claims: dict[str, object]
) -> None:
    identity.apple_claims = claims
    back = await apple(client, identity)
    assert query(back.headers["location"]) == {"state": "app-1", "error": "access_denied"}
    assert ("POST", "/v1/accounts:signInWithIdp") not in parties.requests


async def test_apple_s_keys_are_kept_and_rotate(
    client: httpx.AsyncClient,
    identity: Identity,
    parties: Server,
) -> None:
    for _ in range(3):
        assert "code" in query((await apple(client, identity)).headers["location"])
    assert parties.requests.count(("GET", "/auth/keys")) == 1
    identity.apple_keys = Issuer("apple-1")  # the same id, another key: a forger's
    assert "error" in query((await apple(client, identity)).headers["location"])


FAULTS: list[tuple[Fault | str, int]] = [
    (answer(500), 502),
    (answer(503, headers={"Retry-After": "17"}), 503),
    (answer(429), 503),
    (garbage, 502),
    (reset, 502),
    ("hang", 504),
    (answer(401, b'{"error": "invalid_client"}'), 502),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("provider", [google, apple], ids=["google", "apple"])
async def test_a_provider_that_fails_is_said_to_have_failed(
    client: httpx.AsyncClient,
    identity: Identity,
    parties: Server,
    provider: object,
    fault: Fault | str,
    status: int,
) -> None:
    parties.faults, parties.lasting = [parties.hang if isinstance(fault, str) else fault], True
    told = await (google if provider is google else apple)(client, identity)
    document = problem(told, status)
    assert ("Google" if provider is google else "Apple") in document["detail"]
    assert "secret" not in told.text
    wait = int(told.headers["retry-after"])
    assert wait == 17 if "17" in str(fault) or (status == 503 and wait == 17) else wait >= 1


async def test_a_provider_that_hangs_holds_nobody_else_up(
    client: httpx.AsyncClient, identity: Identity, parties: Server
) -> None:
    parties.faults, parties.lasting = [parties.hang], True
    held = [asyncio.create_task(google(client, identity)) for _ in range(4)]
    for _ in held:
        await parties.held.acquire()
    assert (await client.get("/healthz")).status_code == 200
    parties.release.set()
    assert {told.status_code for told in await asyncio.gather(*held)} == {502}


async def test_sign_ins_are_bounded_by_address(client: httpx.AsyncClient) -> None:
    asked = [await client.get("/v1/auth/google/authorize") for _ in range(12)]
    assert {told.status_code for told in asked[:10]} == {422}
    problem(asked[-1], 429)


async def test_what_is_not_set_up_says_what_to_set(
    parties: Server, identity: Identity, tmp_path: Path
) -> None:
    nothing = {
        name: "" if name.endswith("_id") else SecretStr("")
        for name in ("google_client_id", "apple_client_id", "google_client_secret")
    }
    settings = settings_for(parties.url, tmp_path, identity, sign_in_redirects=(), **nothing)
    async with serving_backend(settings) as (_, client):
        params = {"redirect_uri": REDIRECT, "code_challenge": challenge_of(VERIFIER)}
        told = await client.get("/v1/auth/google/authorize", params=params)
        assert "SIDELANE_GOOGLE_" in problem(told, 501)["detail"]
    with pytest.raises(InvalidSettings, match="SIDELANE_APPLE_TEAM_ID"):
        settings_for(parties.url, tmp_path, identity, apple_team_id="")
    with pytest.raises(InvalidSettings, match="SIDELANE_SEAL_KEY"):
        settings_for(parties.url, tmp_path, identity, seal_key="short")
