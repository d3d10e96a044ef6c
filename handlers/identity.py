"""Proves who calls: checks the OIDC token that Cloud Tasks and Pub/Sub send. Never looks at the task."""

from __future__ import annotations

import time
from collections.abc import Callable

from handlers.errors import CertificatesAway, Forbidden, Unauthenticated
from handlers.id_token import judge
from lanes import HttpLane, KeysAway, LaneSettings, TokenRefused
from lanes.id_token import Claims, Refusal
from lanes.issuer_keys import IssuerKeys, ProvedStatistics, ProvedTokens

MAX_VERIFIED = 1000
"""Tokens remembered as verified. Callers are few, and each has a token an hour."""

CERTIFICATES_LANE = LaneSettings(
    deadline=4.0,
    max_connections=2,
    max_waiting=0,
    max_wait=1.0,
    max_body_bytes=100_000,
    breaker_failures=None,  # without them nobody is let in, and they are fetched once an hour
    is_guarded=False,  # the address is ours to set
)


class Certificates(IssuerKeys):
    """Those of Google, or of what stands in for it."""

    def __init__(self, url: str, lane: HttpLane, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(url, lane, setting="SIDELANE_OIDC_CERTS_URL", monotonic=monotonic)


class Callers:
    """Who may call this service: the service accounts `emails`, with tokens made for `audience`.

    The signature of a token that was found right is checked once (`ProvedTokens`).
    """

    def __init__(
        self,
        certificates: IssuerKeys,
        *,
        audience: str,
        emails: frozenset[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the world's time, in Unix seconds."""
        self._tokens = ProvedTokens(certificates, self._judge, max_remembered=MAX_VERIFIED)
        self._audience = audience
        self._emails = emails
        self._clock = clock

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
        try:
            return (await self._tokens.check(token)).email
        except TokenRefused as error:
            raise Unauthenticated(error.reason, str(error)) from error
        except KeysAway as error:
            raise CertificatesAway(str(error)) from error

    def statistics(self) -> ProvedStatistics:
        return self._tokens.statistics()

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
