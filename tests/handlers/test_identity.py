"""Who may call: right tokens, every kind of wrong one, rotation and caching of certificates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from handlers.errors import CertificatesAway, Forbidden, Unauthenticated
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from lanes import HttpLane
from tests.handlers.tokens import AUDIENCE, EMAIL, Issuer
from tests.receiver import Received, Receiver, answering, receiver


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server(issuer: Issuer) -> AsyncIterator[Receiver]:
    async def certificates(_: Received) -> web.Response:
        return web.Response(body=issuer.certificates(), headers={"Cache-Control": "public, max-age=600"})

    async with receiver(certificates) as running:
        yield running


@pytest.fixture
async def callers(server: Receiver, clock: Clock) -> AsyncIterator[Callers]:
    async with HttpLane(CERTIFICATES_LANE) as lane:
        yield Callers(
            Certificates(server.url, lane, monotonic=clock), audience=AUDIENCE, emails=frozenset({EMAIL})
        )


async def test_the_right_token_names_its_caller(callers: Callers, issuer: Issuer) -> None:
    assert await callers.check(f"Bearer {issuer.token()}") == EMAIL
    assert await callers.check(f"bearer {issuer.token(iss='accounts.google.com')}") == EMAIL


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://another.service"},
        {"iss": "https://evil.example"},
        {"lifetime": -60},
        {"iat": 9_999_999_999, "exp": 9_999_999_999},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
    ],
    ids=str,
)
async def test_a_wrong_token_proves_nobody(
    callers: Callers, issuer: Issuer, changes: dict[str, object]
) -> None:
    with pytest.raises(Unauthenticated):
        await callers.check(f"Bearer {issuer.token(**changes)}")  # type: ignore[arg-type]  # a test's shorthand


async def test_a_signature_of_another_key_is_a_forgery(callers: Callers) -> None:
    with pytest.raises(Unauthenticated):
        await callers.check(f"Bearer {Issuer().token()}")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer not.a.token", "Bearer x"]
)
async def test_no_token_proves_nobody(callers: Callers, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await callers.check(header)


@pytest.mark.parametrize("changes", [{"email": "other@x.iam.gserviceaccount.com"}, {"email_verified": False}])
async def test_somebody_else_may_not_call(
    callers: Callers, issuer: Issuer, changes: dict[str, object]
) -> None:
    with pytest.raises(Forbidden, match="may not call"):
        await callers.check(f"Bearer {issuer.token(**changes)}")  # type: ignore[arg-type]  # a test's shorthand


async def test_certificates_are_fetched_once_and_kept_as_long_as_allowed(
    callers: Callers, issuer: Issuer, server: Receiver, clock: Clock
) -> None:
    header = f"Bearer {issuer.token()}"
    await asyncio.gather(*(callers.check(header) for _ in range(20)))
    assert len(server.received) == 1
    clock.now += 599
    await callers.check(header)
    assert len(server.received) == 1
    clock.now += 2
    await callers.check(header)
    assert len(server.received) == 2


async def test_a_rotated_key_is_fetched_but_forged_key_ids_do_not_drive_us(
    callers: Callers, issuer: Issuer, server: Receiver, clock: Clock
) -> None:
    await callers.check(f"Bearer {issuer.token()}")
    rotated = Issuer("k2")
    server.respond = answering(200, {"Cache-Control": "max-age=600"}, rotated.certificates())
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await callers.check(f"Bearer {rotated.token()}")
    assert len(server.received) == 1
    clock.now += 31
    assert await callers.check(f"Bearer {rotated.token()}") == EMAIL
    assert len(server.received) == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
async def test_without_certificates_it_cannot_be_told(
    callers: Callers, issuer: Issuer, server: Receiver, body: bytes
) -> None:
    server.respond = answering(200, body=body)
    with pytest.raises(CertificatesAway, match="SIDELANE_OIDC_CERTS_URL"):
        await callers.check(f"Bearer {issuer.token()}")
    server.respond = answering(503)
    with pytest.raises(CertificatesAway):
        await callers.check(f"Bearer {issuer.token()}")
    server.respond = answering(200, body=issuer.certificates())
    assert await callers.check(f"Bearer {issuer.token()}") == EMAIL
