"""Google's OAuth: exchanges codes and renews tokens. Keeps none, and knows no user of ours.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

from lanes import Answer
from producers.errors import RequestRefused
from producers.third_party import ThirdParty


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleClient:
    """Who we are to Google."""

    client_id: str
    client_secret: str = field(repr=False)


class GoogleTokens(BaseModel):
    """What the token endpoint answers."""

    access_token: str
    expires_in: float
    """Seconds."""
    refresh_token: str = ""
    """There on the first consent alone."""
    id_token: str = ""
    scope: str = ""


class GrantGone(RequestRefused):
    """The user took its consent back, or it expired: ask for it again."""


class GoogleOAuth:
    def __init__(self, party: ThirdParty, client: GoogleClient) -> None:
        self._party = party
        self._client = client

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> GoogleTokens:
        """The tokens for an authorization code; `verifier`: of PKCE (RFC 7636).

        Raises:
            GrantGone: the code was used or is too old.
            ThirdPartyFailed and its kinds.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._tokens(form)

    async def renew(self, refresh_token: str) -> GoogleTokens:
        """A new access token. Raises as `exchange`."""
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def _tokens(self, form: dict[str, str]) -> GoogleTokens:
        credentials = {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        answer = await self._party.ask("POST", "/token", form={**form, **credentials})
        if answer.status != 200:
            raise self._refusal(answer)
        return self._party.read(GoogleTokens, answer)

    def _refusal(self, answer: Answer) -> Exception:
        error = self._party.read(_Error, answer).error
        if error == "invalid_grant":
            return GrantGone("Google does not take this consent any more: ask the user again", status=400)
        return self._party.refuses_us(
            answer, "SIDELANE_GOOGLE_CLIENT_ID, SIDELANE_GOOGLE_CLIENT_SECRET and the redirect URIs"
        )


class _Error(BaseModel):
    error: str = ""
