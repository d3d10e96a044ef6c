"""Tokens that were found right: remembered for their time, no longer than their key, and so many alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from handlers.errors import Unauthenticated
from handlers.identity import CERTIFICATES_LANE, MAX_VERIFIED, Callers, Certificates
from lanes import HttpLane
from lanes.id_token import CLOCK_SKEW
from lanes.issuer_keys import ProvedStatistics
from tests.handlers.tokens import AUDIENCE, EMAIL, Issuer
from tests.receiver import Receiver, answering, receiver


@dataclass
class HandClock:
    """Seconds, which a test moves."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Stand:
    callers: Callers
    server: Receiver
    """Of the certificates, which it lets be kept for ten minutes."""
    world: HandClock
    monotonic: HandClock


@pytest.fixture
async def stand(issuer: Issuer) -> AsyncIterator[Stand]:
    world, monotonic = HandClock(time.time()), HandClock(1000.0)
    respond = answering(200, {"Cache-Control": "max-age=600"}, issuer.certificates())
    async with receiver(respond) as server, HttpLane(CERTIFICATES_LANE) as lane:
        certificates = Certificates(server.url, lane, monotonic=monotonic)
        callers = Callers(certificates, audience=AUDIENCE, emails=frozenset({EMAIL}), clock=world)
        yield Stand(callers, server, world, monotonic)


async def test_a_token_is_remembered_until_it_expires(stand: Stand, issuer: Issuer) -> None:
    header = f"Bearer {issuer.token(lifetime=600)}"
    for _ in range(5):
        assert await stand.callers.check(header) == EMAIL
    assert stand.callers.statistics().signatures_checked == 1
    stand.world.now += 600 + CLOCK_SKEW - 1
    assert await stand.callers.check(header) == EMAIL
    stand.world.now += 2
    with pytest.raises(Unauthenticated) as refused:
        await stand.callers.check(header)
    assert refused.value.reason == "expired"


async def test_the_clocks_may_differ_a_little(stand: Stand, issuer: Issuer) -> None:
    header = f"Bearer {issuer.token()}"
    stand.world.now -= CLOCK_SKEW - 1
    assert await stand.callers.check(header) == EMAIL
    stand.world.now -= 2
    with pytest.raises(Unauthenticated) as refused:
        await stand.callers.check(header)
    assert refused.value.reason == "not-yet-valid"


async def test_a_remembered_token_ends_with_its_key(stand: Stand, issuer: Issuer) -> None:
    header = f"Bearer {issuer.token()}"
    assert await stand.callers.check(header) == EMAIL
    stand.server.respond = answering(200, body=Issuer("k2").certificates())  # k1 was stolen, and is withdrawn
    stand.monotonic.now += 601
    with pytest.raises(Unauthenticated) as refused:
        await stand.callers.check(header)
    assert refused.value.reason == "unknown-key"


async def test_no_more_tokens_are_remembered_than_may_be(stand: Stand, issuer: Issuer) -> None:
    first = f"Bearer {issuer.token(jti=0)}"
    await stand.callers.check(first)
    for number in range(1, MAX_VERIFIED + 1):
        await stand.callers.check(f"Bearer {issuer.token(jti=number)}")
    assert stand.callers.statistics() == ProvedStatistics(
        remembered=MAX_VERIFIED, max_remembered=MAX_VERIFIED, signatures_checked=MAX_VERIFIED + 1
    )
    await stand.callers.check(first)
    assert stand.callers.statistics().signatures_checked == MAX_VERIFIED + 2
