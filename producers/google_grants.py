"""Keeps what users let us do at Google, sealed, and renews its access tokens. Calls no API with them.

Tokens lie in the store as Fernet seals: who reads the store without SIDELANE_SEAL_KEY has nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel

from lanes import SingleFlight
from producers.errors import RequestRefused
from producers.google_oauth import GoogleOAuth, GoogleTokens, GrantGone
from stores import Grants

PROVIDER = "google"
AHEAD = 60.0
"""Seconds before its expiry a token is renewed."""


class Grant(BaseModel):
    refresh_token: str
    access_token: str
    expires_at: float
    """Unix seconds."""
    scope: str = ""


class GoogleGrants:
    """One grant for each user; one renewal of it is under way at a time in a process."""

    def __init__(
        self,
        oauth: GoogleOAuth,
        grants: Grants,
        keys: Sequence[bytes],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys`: Fernet keys, the newest first. `clock`: Unix seconds."""
        self._oauth = oauth
        self._grants = grants
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._clock = clock
        self._flights: SingleFlight[str] = SingleFlight()

    async def connect(self, uid: str, code: str, *, redirect_uri: str, verifier: str) -> str:
        """Exchange the code of a user's consent, and keep it; the scopes that it covers.

        Raises:
            RequestRefused: the code was used, or the consent gives no offline access.
            ThirdPartyFailed and its kinds; StoreUnavailable.
        """
        tokens = await self._oauth.exchange(code, redirect_uri=redirect_uri, verifier=verifier)
        if not tokens.refresh_token:
            raise RequestRefused(
                "the consent gives no offline access: ask with access_type=offline and prompt=consent"
            )
        await self._keep(uid, self._grant(tokens, tokens.refresh_token))
        return tokens.scope

    async def access_token(self, uid: str) -> str:
        """A token that is valid for a minute at least.

        Raises:
            RequestRefused (409): the user has not connected, or took its consent back.
            ThirdPartyFailed and its kinds; StoreUnavailable.
        """
        grant = await self._grant_of(uid)
        if grant.expires_at - AHEAD > self._clock():
            return grant.access_token
        return await self._flights.run(uid, lambda: self._renew(uid))

    async def disconnect(self, uid: str) -> None:
        await self._grants.remove(uid, PROVIDER)

    async def _renew(self, uid: str) -> str:
        grant = await self._grant_of(uid)  # another process may have renewed it meanwhile
        if grant.expires_at - AHEAD > self._clock():
            return grant.access_token
        try:
            tokens = await self._oauth.renew(grant.refresh_token)
        except GrantGone as error:
            await self._grants.remove(uid, PROVIDER)
            raise _not_connected() from error
        await self._keep(uid, self._grant(tokens, tokens.refresh_token or grant.refresh_token))
        return tokens.access_token

    async def _grant_of(self, uid: str) -> Grant:
        sealed = await self._grants.grant(uid, PROVIDER)
        if sealed is None:
            raise _not_connected()
        try:
            return Grant.model_validate_json(self._fernet.decrypt(sealed))
        except InvalidToken as error:  # by a key that is gone
            raise _not_connected() from error

    async def _keep(self, uid: str, grant: Grant) -> None:
        await self._grants.keep(uid, PROVIDER, self._fernet.encrypt(grant.model_dump_json().encode()))

    def _grant(self, tokens: GoogleTokens, refresh_token: str) -> Grant:
        return Grant(
            refresh_token=refresh_token,
            access_token=tokens.access_token,
            expires_at=self._clock() + tokens.expires_in,
            scope=tokens.scope,
        )


def _not_connected() -> RequestRefused:
    return RequestRefused("your Google account is not connected: connect it first", status=409)
