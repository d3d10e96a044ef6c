"""Keeps the access token with which Google's APIs are called, and renews it off the event loop. Calls none.

google-auth's own way of renewing blocks whoever calls; here one renewal is under way at a time, in a thread,
and everybody else goes on with the token there is until it expires.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.transport import requests

from handlers.errors import CredentialsAway
from lanes import SingleFlight, in_thread

AHEAD = timedelta(minutes=3, seconds=45)
"""How long before its expiry a token is renewed. Sooner is in vain: a metadata server gives the same token
until five minutes before it expires (the reason for google-auth's own threshold)."""
PAUSE = timedelta(seconds=30)
"""After a renewal ahead of the expiry that brought nothing newer, until the next."""
_ASSUMED_LIFE = timedelta(minutes=5)
_REQUEST_TIMEOUT = 4.0


@dataclass(frozen=True, slots=True)
class AccessToken:
    value: str = field(repr=False)
    expires_at: datetime
    """Aware."""


class TokenSource(Protocol):
    async def fetch(self) -> AccessToken:
        """A token that is valid now. Raises `CredentialsAway`."""


class GoogleTokens:
    """Of the credentials that the process runs with: a service account's key file, or the metadata server."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    async def fetch(self) -> AccessToken:
        return await in_thread(self._fetch)

    def _fetch(self) -> AccessToken:
        try:
            credentials, _ = google.auth.default(scopes=(self._scope,))
            credentials.refresh(partial(requests.Request(), timeout=_REQUEST_TIMEOUT))
        except GoogleAuthError as error:
            raise CredentialsAway(
                f"no access token for {self._scope}: {error}; on Cloud Run look at the service's account, "
                "elsewhere log in with `gcloud auth application-default login`"
            ) from error
        if not credentials.token:
            raise CredentialsAway(f"the credentials gave no access token for {self._scope}")
        expiry = credentials.expiry  # UTC without saying so
        expires_at = expiry.replace(tzinfo=UTC) if expiry else datetime.now(UTC) + _ASSUMED_LIFE
        return AccessToken(credentials.token, expires_at)


class AccessTokens:
    """The token of one scope. It belongs to one event loop and holds one token."""

    def __init__(self, source: TokenSource, *, clock: Callable[[], datetime], deadline: float = 5.0) -> None:
        """`deadline` is in seconds, for one renewal."""
        self._source = source
        self._clock = clock
        self._deadline = deadline
        self._flight: SingleFlight[AccessToken] = SingleFlight(max_keys=1)
        self._token: AccessToken | None = None
        self._not_before: datetime | None = None

    async def current(self) -> str:
        """A token that has not expired.

        Raises:
            CredentialsAway: there is none, and none can be had at the moment.
        """
        now = self._clock()
        token = self._token
        if token is None or now >= token.expires_at:
            return (await self._flight.run("", self._renew)).value
        if now >= token.expires_at - AHEAD and (self._not_before is None or now >= self._not_before):
            self._not_before = now + PAUSE
            try:
                return (await self._flight.run("", self._renew)).value
            except CredentialsAway:
                return token.value  # valid for a while: the renewal is tried again after the pause
        return token.value

    def refused(self, value: str) -> None:
        """Google does not take this token any more: the next call renews it."""
        if self._token is not None and self._token.value == value:
            self._token = None

    async def _renew(self) -> AccessToken:
        try:
            async with asyncio.timeout(self._deadline) as limit:
                self._token = await self._source.fetch()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise CredentialsAway(f"no access token came within {self._deadline:g} s") from error
        return self._token
