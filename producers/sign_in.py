"""Signs users in: to Google or Apple and back, to Firebase, then to the app that asked. Keeps no session.

What must survive the ways out and back (the state, and the tokens that the app is about to fetch) is sealed
and carried by the browser, so any instance can go on; each seal opens once and expires. An app proves by PKCE
(RFC 7636) that it is the one that began, so neither seal is worth anything to who overhears it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from pydantic import BaseModel

from producers.apple import Apple
from producers.errors import RequestRefused
from producers.firebase import Firebase, Session
from producers.google_oauth import GoogleOAuth
from producers.sealed import Seals

STATE_TTL = 600
"""Seconds for the user to sign in."""
CODE_TTL = 60
"""Seconds for the app to fetch its tokens."""


class Provider(StrEnum):
    GOOGLE = "google"
    APPLE = "apple"


class State(BaseModel):
    """What comes back with the provider's code."""

    provider: Provider
    redirect_uri: str
    app_state: str
    challenge: str
    """Of the app's PKCE."""
    verifier: str
    """Of ours towards the provider."""
    nonce: str


class Ended(BaseModel):
    """What the app fetches."""

    challenge: str
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAddresses:
    callback: str
    """Our own, with `{provider}` in it."""
    allowed_redirects: Sequence[str]
    """URIs of apps that users may be sent back to, compared whole."""
    google_client_id: str
    apple_client_id: str
    google_authorize: str = "https://accounts.google.com/o/oauth2/v2/auth"
    apple_authorize: str = "https://appleid.apple.com/auth/authorize"

    def callback_of(self, provider: Provider) -> str:
        return self.callback.replace("{provider}", provider)


class SignIn:
    """The three steps of a sign-in, each a request of its own."""

    def __init__(
        self,
        addresses: SignInAddresses,
        *,
        google: GoogleOAuth,
        apple: Apple,
        firebase: Firebase,
        states: Seals[State],
        codes: Seals[Ended],
    ) -> None:
        self._addresses = addresses
        self._google = google
        self._apple = apple
        self._firebase = firebase
        self._states = states
        self._codes = codes

    def begin(self, provider: Provider, *, redirect_uri: str, challenge: str, app_state: str) -> str:
        """Where to send the user. `challenge`: SHA-256 of the app's verifier, in base64url.

        Raises `RequestRefused` where users may not be sent back to this URI.
        """
        if redirect_uri not in self._addresses.allowed_redirects:
            raise RequestRefused("redirect_uri: is not one of SIDELANE_SIGN_IN_REDIRECTS", status=400)
        state = State(
            provider=provider,
            redirect_uri=redirect_uri,
            app_state=app_state,
            challenge=challenge,
            verifier=secrets.token_urlsafe(48),
            nonce=secrets.token_urlsafe(24),
        )
        asked = {
            "response_type": "code",
            "redirect_uri": self._addresses.callback_of(provider),
            "state": self._states.seal(state),
            "nonce": state.nonce,
        }
        if provider is Provider.APPLE:
            asked |= {"client_id": self._addresses.apple_client_id, "scope": "name email"}
            asked |= {"response_mode": "form_post"}  # which Apple wants where a scope is asked for
            return f"{self._addresses.apple_authorize}?{urlencode(asked)}"
        asked |= {"client_id": self._addresses.google_client_id, "scope": "openid email profile"}
        asked |= {"code_challenge": challenge_of(state.verifier), "code_challenge_method": "S256"}
        return f"{self._addresses.google_authorize}?{urlencode(asked)}"

    async def come_back(self, provider: Provider, *, sealed_state: str, code: str, error: str) -> str:
        """The provider sent the user back. Where to send the user now: to the app, with a code of ours.

        Raises `RequestRefused` where the state is not ours; later refusals go to the app, as `error`.
        `ThirdPartyFailed` and its kinds: the user has to sign in again.
        """
        state = self._states.open_once(sealed_state)
        if state.provider is not provider:
            raise RequestRefused("the state is of another provider: start again", status=400)
        answer = {"state": state.app_state}
        if error or not code:
            return _with(state.redirect_uri, {**answer, "error": error[:100] or "no_code"})
        try:
            session = await self._session(state, code)
        except RequestRefused:
            return _with(state.redirect_uri, {**answer, "error": "access_denied"})
        sealed = self._codes.seal(Ended(challenge=state.challenge, session=session))
        return _with(state.redirect_uri, {**answer, "code": sealed})

    def fetch(self, code: str, *, verifier: str) -> Session:
        """The app's tokens. Raises `RequestRefused` where the app is not the one that began."""
        ended = self._codes.open_once(code)
        if not hmac.compare_digest(challenge_of(verifier), ended.challenge):
            raise RequestRefused("code_verifier: is not of the sign-in that this code is from", status=400)
        return ended.session

    async def _session(self, state: State, code: str) -> Session:
        callback = self._addresses.callback_of(state.provider)
        if state.provider is Provider.APPLE:
            token = await self._apple.exchange(code, redirect_uri=callback, nonce=state.nonce)
            return await self._firebase.sign_in("apple.com", token, nonce=state.nonce, request_uri=callback)
        tokens = await self._google.exchange(code, redirect_uri=callback, verifier=state.verifier)
        return await self._firebase.sign_in(
            "google.com", tokens.id_token, nonce=state.nonce, request_uri=callback
        )


def challenge_of(verifier: str) -> str:
    """By S256 of RFC 7636, 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _with(uri: str, params: dict[str, str]) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(params)}"
