"""Access tokens: one renewal at a time, ahead of the expiry, off the loop, and never shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from handlers.access_tokens import AHEAD, PAUSE, AccessToken, AccessTokens, GoogleTokens
from handlers.errors import CredentialsAway
from handlers.fcm import SCOPE
from tests.handlers.conftest import Clock
from tests.receiver import Received, Receiver, answering, receiver

HOUR = timedelta(hours=1)


@dataclass
class Source:
    """Gives tokens of an hour, `t1`, `t2` …, once `answer` has ended."""

    clock: Clock
    answer: Callable[[], Awaitable[None]] | None = None
    fetched: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self) -> AccessToken:
        self.fetched += 1
        value = f"t{self.fetched}"
        self.started.set()
        if self.answer is not None:
            await self.answer()
        return AccessToken(value, self.clock.now + HOUR)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source(clock)


@pytest.fixture
def tokens(source: Source, clock: Clock) -> AccessTokens:
    return AccessTokens(source, clock=clock, deadline=5.0)


async def away() -> None:
    raise CredentialsAway("the metadata server is away")


async def test_a_token_is_kept_until_shortly_before_it_expires(
    tokens: AccessTokens, source: Source, clock: Clock
) -> None:
    assert await tokens.current() == "t1"
    clock.now += HOUR - AHEAD - timedelta(seconds=1)
    assert await tokens.current() == "t1"
    clock.forward(seconds=1)
    assert await tokens.current() == "t2"
    assert await tokens.current() == "t2"
    assert source.fetched == 2


async def test_all_who_need_one_at_once_wait_for_one_renewal(tokens: AccessTokens, source: Source) -> None:
    release = asyncio.Event()

    async def held() -> None:
        await release.wait()

    source.answer = held
    callers = [asyncio.create_task(tokens.current()) for _ in range(20)]
    await source.started.wait()
    callers[0].cancel()
    release.set()
    assert await asyncio.gather(*callers[1:]) == ["t1"] * 19
    assert source.fetched == 1


async def test_while_none_can_be_had_the_old_one_serves_until_it_expires(
    tokens: AccessTokens, source: Source, clock: Clock
) -> None:
    await tokens.current()
    source.answer = away
    clock.now += HOUR - AHEAD
    for _ in range(3):
        assert await tokens.current() == "t1"
    assert source.fetched == 2
    clock.now += PAUSE
    assert await tokens.current() == "t1"
    assert source.fetched == 3
    clock.now += AHEAD
    with pytest.raises(CredentialsAway, match="metadata server"):
        await tokens.current()
    source.answer = None
    assert await tokens.current() == "t5"


async def test_a_token_that_was_refused_is_renewed_once(tokens: AccessTokens, source: Source) -> None:
    first = await tokens.current()
    tokens.refused(first)
    second = await tokens.current()
    tokens.refused(first)  # by another call that had the old one
    assert await tokens.current() == second == "t2"
    assert source.fetched == 2


async def test_a_renewal_that_hangs_ends_at_its_deadline(source: Source, clock: Clock) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    source.answer = never
    with pytest.raises(CredentialsAway, match=r"within 0\.05 s"):
        await AccessTokens(source, clock=clock, deadline=0.05).current()


def test_a_token_is_not_shown() -> None:
    assert "ya29" not in repr(AccessToken("ya29.a0", datetime.now(UTC)))


@pytest.fixture
async def token_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A service account's key file whose token endpoint is ours."""
    key = await asyncio.to_thread(rsa.generate_private_key, 65537, 2048)
    async with receiver() as server:
        path = tmp_path / "key.json"
        account = {
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "k1",
            "private_key": key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            "client_email": "push@p.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{server.url}/token",
        }
        await asyncio.to_thread(path.write_text, json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        yield server


async def test_a_key_file_gives_tokens_of_our_scope(token_server: Receiver) -> None:
    async def grant(_: Received) -> web.Response:
        return web.json_response({"access_token": "ya29.a0", "expires_in": 3599, "token_type": "Bearer"})

    token_server.respond = grant
    before = datetime.now(UTC)
    token = await GoogleTokens(SCOPE).fetch()
    assert token.value == "ya29.a0"
    assert HOUR * 0.9 < token.expires_at - before < HOUR * 1.1
    asked = parse_qs(token_server.received[0].body.decode())
    assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


async def test_credentials_that_are_refused_are_away(token_server: Receiver) -> None:
    token_server.respond = answering(400, body=b'{"error": "invalid_grant"}')
    with pytest.raises(CredentialsAway, match="invalid_grant"):
        await GoogleTokens(SCOPE).fetch()


async def test_no_credentials_are_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(CredentialsAway, match=r"none\.json.*gcloud auth application-default login"):
        await GoogleTokens(SCOPE).fetch()
