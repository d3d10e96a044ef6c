"""Says which user a request comes from: checks the ID token of Firebase Authentication. Keeps no user.

Whether an account was disabled, or its tokens revoked, since the token was made is not looked up: it would be
a call to Firebase for every request. A token is good for an hour at most, and that is how long it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lanes import TokenRefused
from lanes.id_token import CLOCK_SKEW, Claims, Refusal, time_refusal
from lanes.issuer_keys import IssuerKeys, ProvedStatistics, ProvedTokens
from producers.errors import NotSignedIn, NotYours

MAX_REMEMBERED = 10_000
"""Tokens remembered as right: of users who have called within the hour."""
MAX_UID = 128
"""Characters, as Firebase has it."""


@dataclass(frozen=True, slots=True)
class User:
    uid: str
    """Empty for a service of a developer's machine that acts for nobody in particular."""
    email: str = ""
    is_service: bool = False

    def must_be(self, uid: str) -> None:
        """Raises `NotYours` unless this is that user, or a service that may act for everybody."""
        if not self.is_service and self.uid != uid:
            raise NotYours("you are signed in as another user; use your own uid")


class Users:
    """Firebase's ID tokens, by its own rules:
    https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library

    Where callers are trusted, which is for a developer's machine, one without a token is a service.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        *,
        project: str,
        trusts_callers: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the world's time, in Unix seconds."""
        self._tokens = ProvedTokens(keys, self._judge, max_remembered=MAX_REMEMBERED)
        self._project = project
        self._trusts_callers = trusts_callers
        self._clock = clock

    async def identify(self, authorization: str | None, *, acts_for: str = "") -> User:
        """Who sends this Authorization header. `acts_for`: the uid that a trusted caller says.

        Raises:
            NotSignedIn: no token, or one that is not valid here.
            KeysAway: it cannot be told at the moment.
        """
        if authorization is None and self._trusts_callers:
            return User(acts_for, is_service=True)
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn(
                Refusal.NO_TOKEN, "send your Firebase ID token, as `Authorization: Bearer TOKEN`"
            )
        try:
            claims = await self._tokens.check(token)
        except TokenRefused as error:
            raise NotSignedIn(error.reason, str(error)) from error
        return User(claims.sub, claims.email)

    def statistics(self) -> ProvedStatistics:
        return self._tokens.statistics()

    def _judge(self, claims: Claims) -> None:
        now = self._clock()
        if claims.iss != f"https://securetoken.google.com/{self._project}":
            raise NotSignedIn(Refusal.ISSUER, f"the token's issuer is not Firebase for {self._project}")
        if claims.aud != self._project:
            raise NotSignedIn(Refusal.AUDIENCE, f"the token is not for the project {self._project}")
        if not 1 <= len(claims.sub) <= MAX_UID:
            raise NotSignedIn(Refusal.SUBJECT, "the token names no user")
        refusal = time_refusal(claims, now)
        if refusal is None and claims.auth_time is not None and claims.auth_time > now + CLOCK_SKEW:
            refusal = Refusal.NOT_YET_VALID
        if refusal is Refusal.EXPIRED:
            raise NotSignedIn(refusal, "the token has expired: get a new one from Firebase")
        if refusal is not None:
            raise NotSignedIn(refusal, "the token is not valid yet: check your clock")
