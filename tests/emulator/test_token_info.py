"""What the emulator's tokeninfo says of tokens that came with dispatches."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.auth.transport.requests import Request
from google.cloud.tasks_v2 import OAuthToken, OidcToken
from google.oauth2 import id_token

from emulator import Emulator, VirtualClock
from emulator.oidc import TokenIssuer
from tests.emulator.running import QUEUE, URL, Running, queue, task, tasks_client
from tests.emulator.target import Target

EMAIL = "tasks@sidelane-local.iam.gserviceaccount.com"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
INVALID = {"error": "invalid_token", "error_description": "Invalid Value"}


@pytest.fixture
async def target() -> Target:
    return Target(VirtualClock())


@pytest.fixture
async def emulator(running: Running, target: Target) -> AsyncIterator[Emulator]:
    """In a time that is not the world's: tokens are of the world's nonetheless."""
    async with running(queues=[queue()], clock=VirtualClock(1_000_000_000), sender=target) as emulator:
        yield emulator


async def bearer(emulator: Emulator, target: Target, **token: OAuthToken | OidcToken) -> str:
    """The token of a dispatch."""
    async with tasks_client(emulator.addresses.tasks) as client:
        await client.create_task(parent=QUEUE, task=task("t", **token))
    [request] = await target.received(1)
    return request.headers["Authorization"].removeprefix("Bearer ")


async def get(emulator: Emulator, query: str, path: str = "/tokeninfo") -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{emulator.addresses.http}{path}?{query}") as response,
    ):
        return response.status, await response.json()


async def verify(emulator: Emulator, token: str, audience: str | None) -> dict[str, Any]:
    """By Google's library, which goes by the machine's clock."""
    certificates = f"http://{emulator.addresses.http}/oauth2/v1/certs"
    return dict(
        await asyncio.to_thread(
            id_token.verify_token, token, Request(), audience=audience, certs_url=certificates
        )
    )


@pytest.mark.parametrize(("scope", "expected"), [("", CLOUD_PLATFORM), ("a b", "a b")])
async def test_an_access_token_is_verified_and_told(
    emulator: Emulator, target: Target, scope: str, expected: str
) -> None:
    asked = OAuthToken(service_account_email=EMAIL, scope=scope)
    token = await bearer(emulator, target, oauth_token=asked)
    claims = await verify(emulator, token, None)
    assert (claims["scope"], claims["email"]) == (expected, EMAIL)
    assert "aud" not in claims
    status, told = await get(emulator, f"access_token={token}")
    assert status == 200
    assert 3500 < int(told.pop("expires_in")) <= 3600
    assert told == {
        "azp": claims["sub"],
        "aud": claims["sub"],
        "sub": claims["sub"],
        "scope": expected,
        "exp": str(claims["exp"]),
        "email": EMAIL,
        "email_verified": "true",
        "access_type": "online",
    }
    assert await get(emulator, f"id_token={token}") == (400, INVALID)


@pytest.mark.parametrize("path", ["/tokeninfo", "/oauth2/v3/tokeninfo"])
async def test_an_id_token_is_verified_and_told(emulator: Emulator, target: Target, path: str) -> None:
    token = await bearer(emulator, target, oidc_token=OidcToken(service_account_email=EMAIL))
    claims = await verify(emulator, token, URL)
    assert abs(claims["iat"] - time.time()) < 60
    _, keys = await get(emulator, "", "/oauth2/v3/certs")
    assert await get(emulator, f"id_token={token}", path) == (
        200,
        {
            "iss": "https://accounts.google.com",
            "azp": claims["sub"],
            "aud": URL,
            "sub": claims["sub"],
            "email": EMAIL,
            "email_verified": "true",
            "iat": str(claims["iat"]),
            "exp": str(claims["exp"]),
            "alg": "RS256",
            "kid": keys["keys"][0]["kid"],
            "typ": "JWT",
        },
    )
    assert await get(emulator, f"access_token={token}") == (400, INVALID)


async def test_what_is_no_token_of_ours_is_invalid(
    emulator: Emulator, target: Target, tmp_path: Path, key_file: Path
) -> None:
    token = await bearer(emulator, target, oidc_token=OidcToken(service_account_email=EMAIL))
    head, payload, signature = token.split(".")
    other_algorithm = base64.urlsafe_b64encode(
        json.dumps(json.loads(base64.urlsafe_b64decode(head + "==")) | {"alg": "ES256"}).encode()
    ).decode()
    yesterday = TokenIssuer(key_file, clock=VirtualClock(time.time() - 86_400))
    await yesterday.open()
    foreign = TokenIssuer(tmp_path / "foreign.pem", clock=VirtualClock(time.time()))
    await foreign.open()
    for query in (
        "id_token=",
        "access_token=ya29.nonsense",
        "id_token=a.b.c",
        f"id_token={head}.{payload}.{signature[:-4]}AAAA",
        f"id_token={other_algorithm.rstrip('=')}.{payload}.{signature}",
        f"id_token={yesterday.token(email=EMAIL, audience='a')}",
        f"id_token={foreign.token(email=EMAIL, audience='a')}",
    ):
        assert await get(emulator, query) == (400, INVALID), query


async def test_without_a_token_the_request_is_wrong(emulator: Emulator) -> None:
    status, answer = await get(emulator, "")
    assert (status, answer["error"]) == (400, "invalid_request")
