"""ID tokens, judged by google-auth's own verification over the served certificates."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import stat
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from emulator import Addresses
from emulator.engine.clock import VirtualClock
from emulator.errors import EmulatorError
from emulator.http import Table, create_app
from emulator.oidc import TokenIssuer

EMAIL = "invoker@dev.iam.gserviceaccount.com"
CERTIFICATES = "/oauth2/v1/certs"
KEY_SET = "/oauth2/v3/certs"
"""By which google-auth verifies with PyJWT."""
AUDIENCE = "https://handlers.test/tasks/developer_webhook?x=1"


@pytest.fixture
async def clock() -> VirtualClock:
    """At the time of google-auth, which knows no other clock than the machine's."""
    return VirtualClock(time.time())


@pytest.fixture
async def issuer(key_file: Path, clock: VirtualClock) -> TokenIssuer:
    return await _opened(key_file, clock)


async def _opened(key_file: Path, clock: VirtualClock, **options: int) -> TokenIssuer:
    issuer = TokenIssuer(key_file, clock=clock, **options)
    await issuer.open()
    return issuer


@pytest.fixture
async def http_url(issuer: TokenIssuer) -> AsyncIterator[str]:
    async def no_tables() -> Sequence[Table]:
        return ()

    addresses = Addresses(tasks="127.0.0.1:1", pubsub="127.0.0.1:2", http="127.0.0.1:3")
    app = create_app(issuer=issuer, addresses=addresses, statistics={}, tables=no_tables, apis={})
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving


async def _verify(
    token: str, http_url: str, audience: str | None = AUDIENCE, keys: str = CERTIFICATES
) -> Mapping[str, Any]:
    def verify() -> Mapping[str, Any]:
        claims: Mapping[str, Any] = id_token.verify_token(
            token, Request(), audience=audience, certs_url=f"{http_url}{keys}"
        )
        return claims

    return await asyncio.to_thread(verify)


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@pytest.mark.parametrize("keys", [CERTIFICATES, KEY_SET])
async def test_google_auth_accepts_a_token(
    issuer: TokenIssuer, http_url: str, clock: VirtualClock, keys: str
) -> None:
    token = issuer.token(email=EMAIL, audience=AUDIENCE)

    claims = await _verify(token, http_url, keys=keys)

    issued_at = int(clock.now())
    assert claims == {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": claims["sub"],
        "sub": claims["sub"],
        "email": EMAIL,
        "email_verified": True,
        "iat": issued_at,
        "exp": issued_at + 3600,
    }
    assert claims["sub"].isdecimal()
    assert len(claims["sub"]) == 21


async def test_google_auth_refuses_another_audience(issuer: TokenIssuer, http_url: str) -> None:
    token = issuer.token(email=EMAIL, audience="https://elsewhere.test")
    with pytest.raises(exceptions.InvalidValue, match="wrong audience"):
        await _verify(token, http_url)
    with pytest.raises(jwt.InvalidAudienceError):
        await _verify(token, http_url, keys=KEY_SET)


async def test_an_access_token_is_no_id_token(
    issuer: TokenIssuer, http_url: str, clock: VirtualClock
) -> None:
    token = issuer.access_token(email=EMAIL, scope="https://www.googleapis.com/auth/drive")
    account = _claims(token)["sub"]
    assert await _verify(token, http_url, None) == {
        "iss": "https://accounts.google.com",
        "scope": "https://www.googleapis.com/auth/drive",
        "azp": account,
        "sub": account,
        "email": EMAIL,
        "email_verified": True,
        "iat": int(clock.now()),
        "exp": int(clock.now()) + 3600,
    }
    with pytest.raises(exceptions.InvalidValue, match="wrong audience"):
        await _verify(token, http_url)


async def test_tokens_of_both_kinds_are_kept_apart(issuer: TokenIssuer) -> None:
    same = "https://www.googleapis.com/auth/cloud-platform"
    assert issuer.access_token(email=EMAIL) == issuer.access_token(email=EMAIL, scope=same)
    assert _claims(issuer.token(email=EMAIL, audience=same))["aud"] == same
    assert issuer.statistics().signed_total == 2


async def test_google_auth_refuses_an_expired_token(key_file: Path, http_url: str) -> None:
    yesterday = await _opened(key_file, VirtualClock(time.time() - 86_400))
    with pytest.raises(exceptions.InvalidValue, match="Token expired"):
        await _verify(yesterday.token(email=EMAIL, audience=AUDIENCE), http_url)


async def test_google_auth_refuses_a_token_of_another_key(
    issuer: TokenIssuer, http_url: str, clock: VirtualClock, tmp_path: Path
) -> None:
    foreign = (await _opened(tmp_path / "key.pem", clock)).token(email=EMAIL, audience=AUDIENCE)
    with pytest.raises(exceptions.MalformedError, match="Certificate for key id"):
        await _verify(foreign, http_url)

    own_head = issuer.token(email=EMAIL, audience=AUDIENCE).split(".")[0]
    _, foreign_payload, foreign_signature = foreign.split(".")
    with pytest.raises(exceptions.MalformedError, match="Could not verify token signature"):
        await _verify(f"{own_head}.{foreign_payload}.{foreign_signature}", http_url)


@pytest.mark.parametrize("kind", ["id", "access"])
async def test_the_key_set_checks_the_same_signature(issuer: TokenIssuer, kind: str) -> None:
    token = issuer.token(email=EMAIL, audience=AUDIENCE) if kind == "id" else issuer.access_token(email=EMAIL)
    head, payload, signature = token.split(".")
    (key,) = issuer.jwks()["keys"]

    def number(field: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(key[field] + "=="), "big")

    public_key = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
    public_key.verify(
        base64.urlsafe_b64decode(signature + "=="), f"{head}.{payload}".encode(), padding.PKCS1v15(), SHA256()
    )
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {
        "typ": "JWT",
        "alg": "RS256",
        "kid": key["kid"],
    }
    assert set(issuer.certificates()) == {key["kid"]}
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")


async def test_accounts_keep_their_number(issuer: TokenIssuer) -> None:
    def account(email: str, audience: str) -> str:
        return str(_claims(issuer.token(email=email, audience=audience))["sub"])

    assert account(EMAIL, "a") == account(EMAIL, "b")
    assert account(EMAIL, "a") != account("other@dev.iam.gserviceaccount.com", "a")


async def test_a_token_is_handed_out_again_until_five_minutes_before_its_end(
    issuer: TokenIssuer, clock: VirtualClock
) -> None:
    issued_at = int(clock.now())
    first = issuer.token(email=EMAIL, audience=AUDIENCE)
    clock.advance_to(issued_at + 3600 - 300 - 1)
    assert issuer.token(email=EMAIL, audience=AUDIENCE) == first
    assert issuer.statistics().signed_total == 1

    clock.advance_to(issued_at + 3600 - 300)
    assert _claims(issuer.token(email=EMAIL, audience=AUDIENCE))["iat"] == issued_at + 3300
    assert issuer.statistics().signed_total == 2


async def test_a_full_cache_drops_the_token_used_longest_ago(key_file: Path, clock: VirtualClock) -> None:
    issuer = await _opened(key_file, clock, cached_tokens=2)
    for audience in ("a", "b", "a", "c", "a"):  # c takes the place of b
        issuer.token(email=EMAIL, audience=audience)
    assert (issuer.statistics().signed_total, issuer.statistics().cached) == (3, 2)
    issuer.token(email=EMAIL, audience="b")
    assert issuer.statistics().signed_total == 4


async def test_the_key_outlives_a_restart_and_is_private(tmp_path: Path, clock: VirtualClock) -> None:
    key_file = tmp_path / "data" / "key.pem"
    first = await _opened(key_file, clock)
    second = await _opened(key_file, clock)
    assert first.certificates() == second.certificates()
    assert first.jwks() == second.jwks()
    mode = (await asyncio.to_thread(key_file.stat)).st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_a_file_without_an_rsa_key_is_refused_with_the_remedy(
    tmp_path: Path, clock: VirtualClock
) -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    key_file = tmp_path / "key.pem"
    for content in (b"", b"nonsense", elliptic):
        await asyncio.to_thread(key_file.write_bytes, content)
        with pytest.raises(EmulatorError, match=r"key\.pem holds no RSA key in PEM: restore the file"):
            await _opened(key_file, clock)
        assert await asyncio.to_thread(key_file.read_bytes) == content


async def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path, clock: VirtualClock) -> None:
    with pytest.raises(EmulatorError, match=r"cannot keep the key that signs tokens: .*Is a directory"):
        await _opened(tmp_path, clock)
