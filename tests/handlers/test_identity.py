"""Who may call: right tokens, every kind of wrong one, rotation and caching of certificates."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.auth import jwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.errors import CertificatesAway, Forbidden, Unauthenticated
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from lanes import HttpLane
from lanes.id_token import MAX_TOKEN, read_token
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


WRONG: list[tuple[str, dict[str, object]]] = [
    ("audience", {"aud": "http://another.service"}),
    ("audience", {"aud": AUDIENCE + "/"}),
    ("malformed", {"aud": [AUDIENCE]}),
    ("malformed", {"aud": None}),
    ("issuer", {"iss": "https://evil.example"}),
    ("issuer", {"iss": "https://accounts.google.com.evil.example"}),
    ("expired", {"lifetime": -60}),
    ("not-yet-valid", {"iat": 9_999_999_999, "exp": 9_999_999_999}),
    ("not-yet-valid", {"nbf": 9_999_999_999}),
    ("malformed", {"exp": None}),
    ("malformed", {"exp": "9999999999"}),
    ("malformed", {"exp": True}),
    ("malformed", {"iat": None}),
    ("malformed", {"iss": None}),
    ("algorithm", {"algorithm": "none"}),
    ("algorithm", {"algorithm": "HS256"}),
    ("algorithm", {"header": {"alg": "rs256"}}),
    ("algorithm", {"header": {"alg": "ES256"}}),
    ("malformed", {"header": {"alg": None}}),
    ("malformed", {"header": {"crit": ["exp"]}}),
    ("unknown-key", {"header": {"kid": "k9"}}),
    ("unknown-key", {"header": {"kid": None}}),
    ("malformed", {"header": {"kid": ["k1"]}}),
]


@pytest.mark.parametrize(("reason", "changes"), WRONG, ids=str)
async def test_a_wrong_token_proves_nobody(
    callers: Callers, issuer: Issuer, reason: str, changes: dict[str, Any]
) -> None:
    token = issuer.token(**changes)
    for _ in range(2):  # a refusal is not forgotten either
        with pytest.raises(Unauthenticated) as refused:
            await callers.check(f"Bearer {token}")
        assert refused.value.reason == reason
        assert token not in str(refused.value)
    assert callers.statistics().remembered == 0


async def test_a_signature_of_another_key_is_a_forgery(callers: Callers, issuer: Issuer) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await callers.check(f"Bearer {Issuer().token()}")
    assert refused.value.reason == "signature"


async def test_the_key_id_of_another_key_helps_nobody(
    callers: Callers, issuer: Issuer, server: Receiver
) -> None:
    other = Issuer("k2")
    both = json.dumps({"k1": issuer.pem, "k2": other.pem}).encode()
    server.respond = answering(200, body=both)
    assert await callers.check(f"Bearer {other.token()}") == EMAIL
    with pytest.raises(Unauthenticated) as refused:
        await callers.check(f"Bearer {issuer.token(header={'kid': 'k2'})}")
    assert refused.value.reason == "signature"


async def test_a_changed_claim_breaks_the_signature(callers: Callers, issuer: Issuer) -> None:
    mine, theirs = issuer.token().split("."), issuer.token(email="x@example.com").split(".")
    with pytest.raises(Unauthenticated) as refused:
        await callers.check(f"Bearer {mine[0]}.{theirs[1]}.{mine[2]}")
    assert refused.value.reason == "signature"


NESTED = base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("=")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no-token"),
        ("", "no-token"),
        ("Bearer", "no-token"),
        ("Bearer ", "no-token"),
        ("Basic dTpw", "no-token"),
        ("Bearer not.a.token", "malformed"),
        ("Bearer x", "malformed"),
        ("Bearer a.b.c.d", "malformed"),
        ("Bearer ü.ü.ü", "malformed"),
        ("Bearer \udcff.a.b", "malformed"),
        ("Bearer e30.e30.e30", "malformed"),
        ("Bearer W10.W10.W10", "malformed"),
        (f"Bearer {NESTED}.e30.e30", "malformed"),
        ("Bearer " + "a" * (MAX_TOKEN + 1), "too-large"),
        ("Bearer " + "." * 1_000_000, "too-large"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_no_token_proves_nobody(
    callers: Callers, server: Receiver, header: str | None, reason: str
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await callers.check(header)
    assert refused.value.reason == reason
    assert server.received == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"email": "other@x.iam.gserviceaccount.com"}, "email"),
        ({"email": EMAIL.upper()}, "email"),
        ({"email": None}, "email"),
        ({"email_verified": False}, "email-unverified"),
        ({"email_verified": "false"}, "email-unverified"),
        ({"email_verified": None}, "email-unverified"),
    ],
    ids=str,
)
async def test_somebody_else_may_not_call(
    callers: Callers, issuer: Issuer, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Forbidden, match="may not call") as refused:
        await callers.check(f"Bearer {issuer.token(**changes)}")
    assert refused.value.reason == reason
    assert callers.statistics().remembered == 0


@given(place=st.integers(min_value=0, max_value=2000), letter=st.sampled_from("ABCxyz019-_.=+ "))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_google_s_own_library_lets_in_whom_we_let_in(issuer: Issuer, place: int, letter: str) -> None:
    """A token with one character changed: what we take as signed, the published library takes as well."""
    whole = issuer.token()
    place %= len(whole)
    token = whole[:place] + letter + whole[place + 1 :]
    try:
        read = read_token(token)
    except ValueError:
        return
    if read.key_id == issuer.key_id and read.algorithm == "RS256" and read.is_signed_by(issuer.public_key):
        claims = jwt.decode(token, certs={issuer.key_id: issuer.pem}, audience=AUDIENCE)
        assert claims["email"] == read.claims.email


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


def elliptic() -> bytes:
    """The certificate of a key that is not RSA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    start = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return json.dumps({"k1": pem.decode()}).encode()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"k1": "no certificate"}', elliptic()])
async def test_without_certificates_it_cannot_be_told(
    callers: Callers, issuer: Issuer, server: Receiver, clock: Clock, body: bytes
) -> None:
    header = f"Bearer {issuer.token()}"
    server.respond = answering(200, body=body)
    for _ in range(5):
        with pytest.raises(CertificatesAway, match="SIDELANE_OIDC_CERTS_URL"):
            await callers.check(header)
    assert len(server.received) == 1  # who waits for certificates asks no faster than once a second
    clock.now += 1
    server.respond = answering(503)
    with pytest.raises(CertificatesAway):
        await callers.check(header)
    clock.now += 1
    server.respond = answering(200, body=issuer.certificates())
    assert await callers.check(header) == EMAIL


async def test_stale_certificates_serve_on_for_an_hour_while_no_new_ones_can_be_had(
    callers: Callers, issuer: Issuer, server: Receiver, clock: Clock
) -> None:
    header = f"Bearer {issuer.token()}"
    await callers.check(header)
    server.respond = answering(503)
    clock.now += 600
    for _ in range(5):
        assert await callers.check(header) == EMAIL
    assert len(server.received) == 2
    with pytest.raises(CertificatesAway):  # an unknown key may be a new one: it cannot be told
        await callers.check(f"Bearer {Issuer('k2').token()}")
    clock.now += 3599
    assert await callers.check(header) == EMAIL
    clock.now += 1
    with pytest.raises(CertificatesAway):
        await callers.check(header)
