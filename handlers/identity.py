"""Proves who calls: checks the OIDC token that Cloud Tasks and Pub/Sub send. Never looks at the task."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from handlers.errors import CertificatesAway, Forbidden, Unauthenticated
from handlers.id_token import MAX_TOKEN, Claims, Refusal, check_certificate, judge, read_token
from lanes import HttpLane, LaneError, LaneSettings, Request

_log = logging.getLogger(__name__)

MAX_VERIFIED = 1000
"""Tokens remembered as verified. Callers are few, and each has a token an hour."""

_REFETCH_PAUSE = 30.0
"""Seconds before an unknown key id makes us fetch again: a forger must not drive our requests."""
_RETRY_PAUSE = 1.0
"""Seconds before certificates are asked for again that could not be had, where none are known."""
_GRACE = 3600.0
"""Seconds that stale certificates serve on while no new ones can be had."""
_DEFAULT_MAX_AGE = 3600.0
_CERTIFICATES = TypeAdapter(dict[str, str])
_MAX_AGE = re.compile(r"max-age=(\d+)")

CERTIFICATES_LANE = LaneSettings(
    deadline=4.0,
    max_connections=2,
    max_waiting=0,
    max_wait=1.0,
    max_body_bytes=100_000,
    breaker_failures=None,  # without them nobody is let in, and they are fetched once an hour
    is_guarded=False,  # the address is ours to set
)


@dataclass(frozen=True, slots=True)
class _Fetched:
    certificates: Mapping[str, str]
    """PEM by key id."""
    stale_at: float


class Certificates:
    """The issuer's certificates by key id, fetched once and kept as long as the issuer allows.

    While new ones cannot be had, stale ones serve on for an hour, and asking is paused.
    """

    def __init__(self, url: str, lane: HttpLane, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._lane = lane
        self._monotonic = monotonic
        self._fetched: _Fetched | None = None
        self._failed: CertificatesAway | None = None
        self._not_before = -math.inf
        self._fetching = asyncio.Lock()

    async def of(self, key_id: str) -> str | None:
        """The certificate (PEM) of this key, after fetching them again where they are stale or lack it (the
        issuer rotates its keys); None where the issuer has no such key.

        Raises:
            CertificatesAway: it cannot be told, since they cannot be fetched.
        """
        if self._is_due(key_id):
            async with self._fetching:
                if self._is_due(key_id):
                    await self._fetch()
        found = self._known().get(key_id)
        if found is None and self._failed is not None:
            raise self._failed
        return found

    def _known(self) -> Mapping[str, str]:
        if self._fetched is None or self._monotonic() >= self._fetched.stale_at + _GRACE:
            return {}
        return self._fetched.certificates

    def _is_due(self, key_id: str) -> bool:
        now = self._monotonic()
        if now < self._not_before:
            return False
        return (
            self._fetched is None or now >= self._fetched.stale_at or key_id not in self._fetched.certificates
        )

    async def _fetch(self) -> None:
        try:
            answer = await self._lane.send(Request(method="GET", url=self._url))
            if answer.status != 200:
                raise CertificatesAway(f"{self._url} answered {answer.status}; check SIDELANE_OIDC_CERTS_URL")
            certificates = _CERTIFICATES.validate_json(answer.body)
            for certificate in certificates.values():
                check_certificate(certificate)
        except (CertificatesAway, LaneError, ValueError) as error:
            _log.warning("certificates cannot be fetched: %s", error)
            self._failed = CertificatesAway(f"{self._url}: {error}; check SIDELANE_OIDC_CERTS_URL")
            self._not_before = self._monotonic() + (_REFETCH_PAUSE if self._known() else _RETRY_PAUSE)
            return
        now = self._monotonic()
        told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        self._fetched = _Fetched(certificates, now + (float(told[1]) if told else _DEFAULT_MAX_AGE))
        self._failed, self._not_before = None, now + _REFETCH_PAUSE


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    key_id: str
    certificate: str
    """What its signature was checked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallersStatistics:
    remembered: int
    max_remembered: int
    signatures_checked: int
    """Since the start; the rest was remembered."""


class Callers:
    """Who may call this service: the service accounts `emails`, with tokens made for `audience`.

    A token that was found right is remembered by its hash, so that its signature is checked once; whether it
    has expired, and whether the issuer still has its key, is looked at each time. Beyond `MAX_VERIFIED`
    tokens the one remembered longest leaves.
    """

    def __init__(
        self,
        certificates: Certificates,
        *,
        audience: str,
        emails: frozenset[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the world's time, in Unix seconds."""
        self._certificates = certificates
        self._audience = audience
        self._emails = emails
        self._clock = clock
        self._verified: dict[bytes, _Verified] = {}
        self._signatures_checked = 0

    async def check(self, authorization: str | None) -> str:
        """The email that the Authorization header proves.

        Raises:
            Unauthenticated: no token, or one that is not valid here.
            Forbidden: a valid token of an account that may not call.
            CertificatesAway: it cannot be told at the moment.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                Refusal.NO_TOKEN,
                "the request has no bearer token; give its queue or subscription an oidc_token",
            )
        if len(token) > MAX_TOKEN:
            raise Unauthenticated(Refusal.TOO_LARGE, f"the token has more than {MAX_TOKEN} characters")
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        known = self._verified.get(digest)
        if known is None or await self._certificates.of(known.key_id) != known.certificate:
            known = await self._verify(token)
        self._judge(known.claims)
        self._remember(digest, known)
        return known.claims.email

    def statistics(self) -> CallersStatistics:
        return CallersStatistics(
            remembered=len(self._verified),
            max_remembered=MAX_VERIFIED,
            signatures_checked=self._signatures_checked,
        )

    async def _verify(self, token: str) -> _Verified:
        try:
            read = read_token(token)
        except ValueError as error:
            raise Unauthenticated(Refusal.MALFORMED, f"the token cannot be read: {error}") from error
        if read.algorithm != "RS256":
            raise Unauthenticated(
                Refusal.ALGORITHM, f"the token is signed by {read.algorithm[:20]!r}, not RS256"
            )
        certificate = await self._certificates.of(read.key_id)
        if certificate is None:
            raise Unauthenticated(Refusal.UNKNOWN_KEY, f"its issuer has no key {read.key_id[:64]!r}")
        self._signatures_checked += 1
        if not read.is_signed_by(certificate):
            raise Unauthenticated(Refusal.SIGNATURE, "the token's signature is not its issuer's")
        return _Verified(read.claims, read.key_id, certificate)

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if digest not in self._verified and len(self._verified) >= MAX_VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified

    def _judge(self, claims: Claims) -> None:
        refusal = judge(claims, audience=self._audience, emails=self._emails, now=self._clock())
        if refusal is None:
            return
        if refusal is Refusal.EMAIL or refusal is Refusal.EMAIL_UNVERIFIED:
            raise Forbidden(refusal, f"{claims.email!r} may not call; the settings name who may")
        told = {
            Refusal.ISSUER: f"its issuer is {claims.iss!r}, not Google",
            Refusal.AUDIENCE: f"it was made for {claims.aud!r}, not for {self._audience!r}",
            Refusal.EXPIRED: "it has expired",
            Refusal.NOT_YET_VALID: "it is not valid yet; check the clocks",
        }
        raise Unauthenticated(refusal, f"the token is not valid: {told[refusal]}")
