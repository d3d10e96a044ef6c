"""Proves who calls: checks the OIDC token that Cloud Tasks and Pub/Sub send. Never looks at the task."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.auth import exceptions, jwt
from pydantic import TypeAdapter

from handlers.errors import CertificatesAway, Forbidden, Unauthenticated
from lanes import HttpLane, LaneError, LaneSettings, Request

GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CLOCK_SKEW = 10
"""Seconds by which the caller's clock may differ from ours."""

_REFETCH_PAUSE = 30.0
"""Seconds before an unknown key id makes us fetch again: a forger must not drive our requests."""
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
    at: float
    stale_at: float


class Certificates:
    """The issuer's certificates by key id, fetched once and kept as long as the issuer allows."""

    def __init__(self, url: str, lane: HttpLane, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._lane = lane
        self._monotonic = monotonic
        self._fetched: _Fetched | None = None
        self._fetching = asyncio.Lock()

    async def containing(self, key_id: str | None) -> Mapping[str, str]:
        """The certificates, fetched again where they are stale or lack `key_id` (the issuer rotates).

        Raises:
            CertificatesAway: none are known and none can be fetched.
        """
        if not self._due(key_id):
            return self._known()
        async with self._fetching:
            if self._due(key_id):
                await self._fetch()
        return self._known()

    def _known(self) -> Mapping[str, str]:
        return self._fetched.certificates if self._fetched else {}

    def _due(self, key_id: str | None) -> bool:
        if self._fetched is None:
            return True
        now = self._monotonic()
        unknown = key_id is not None and key_id not in self._fetched.certificates
        return now >= self._fetched.stale_at or (unknown and now >= self._fetched.at + _REFETCH_PAUSE)

    async def _fetch(self) -> None:
        try:
            answer = await self._lane.send(Request(method="GET", url=self._url))
            if answer.status != 200:
                raise CertificatesAway(f"{self._url} answered {answer.status}; check SIDELANE_OIDC_CERTS_URL")
            certificates = _CERTIFICATES.validate_json(answer.body)
        except (LaneError, ValueError) as error:
            raise CertificatesAway(f"{self._url}: {error}; check SIDELANE_OIDC_CERTS_URL") from error
        now = self._monotonic()
        told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        self._fetched = _Fetched(certificates, now, now + (float(told[1]) if told else _DEFAULT_MAX_AGE))


class Callers:
    """Who may call this service: the service accounts `emails`, with tokens made for `audience`."""

    def __init__(self, certificates: Certificates, *, audience: str, emails: frozenset[str]) -> None:
        self._certificates = certificates
        self._audience = audience
        self._emails = emails

    async def check(self, authorization: str | None) -> str:
        """The email that the Authorization header proves.

        Issuer, audience, expiry, email and signature all count: the audience alone would let in
        every service account of every Google customer.

        Raises:
            Unauthenticated: no token, or one that is not valid here.
            Forbidden: a valid token of an account that may not call.
            CertificatesAway: it cannot be told at the moment.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "the request has no bearer token; give its queue or subscription an oidc_token"
            )
        claims = await self._claims(token)
        if claims.get("iss") not in ISSUERS:
            raise Unauthenticated(f"the token's issuer is {claims.get('iss')!r}, not Google")
        email = claims.get("email")
        if not claims.get("email_verified") or email not in self._emails:
            raise Forbidden(f"{email!r} may not call; allowed are: {', '.join(sorted(self._emails))}")
        return str(email)

    async def _claims(self, token: str) -> Mapping[str, object]:
        try:
            key_id = jwt.decode_header(token).get("kid")
            certificates = await self._certificates.containing(key_id)
            claims: Mapping[str, object] = jwt.decode(
                token, certs=certificates, audience=self._audience, clock_skew_in_seconds=CLOCK_SKEW
            )
        except (exceptions.GoogleAuthError, ValueError) as error:
            raise Unauthenticated(f"the token is not valid: {error}") from error
        return claims
