"""Firebase Authentication: makes a user's session of a Google or Apple sign-in. Checks no token of users.

https://cloud.google.com/identity-platform/docs/reference/rest/v1/accounts/signInWithIdp
"""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from lanes import Answer
from producers.errors import RequestRefused
from producers.third_party import ThirdParty


class Session(BaseModel):
    """What an app signs in with."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    uid: str = Field(validation_alias="localId")
    id_token: str = Field(validation_alias="idToken")
    refresh_token: str = Field(validation_alias="refreshToken")
    expires_in: int = Field(validation_alias="expiresIn")
    """Seconds."""
    is_new_user: bool = Field(False, validation_alias="isNewUser")


class Firebase:
    def __init__(self, party: ThirdParty, *, api_key: str) -> None:
        self._party = party
        self._api_key = api_key

    async def sign_in(self, provider: str, id_token: str, *, nonce: str, request_uri: str) -> Session:
        """The session of whom a provider's ID token names. `provider`: `google.com` or `apple.com`.

        Raises:
            RequestRefused: Firebase does not take the token, or has disabled the user.
            ThirdPartyFailed and its kinds.
        """
        answer = await self._party.ask(
            "POST",
            "/v1/accounts:signInWithIdp",
            headers={"X-Goog-Api-Key": self._api_key},
            json={
                "postBody": urlencode({"id_token": id_token, "providerId": provider, "nonce": nonce}),
                "requestUri": request_uri,
                "returnSecureToken": True,
            },
        )
        if answer.status != 200:
            raise self._refusal(answer)
        return self._party.read(Session, answer)

    def _refusal(self, answer: Answer) -> Exception:
        code = self._party.read(_ErrorAnswer, answer).error.message.partition(" ")[0]
        if code in (
            "INVALID_IDP_RESPONSE",
            "USER_DISABLED",
            "FEDERATED_USER_ID_ALREADY_LINKED",
            "EMAIL_EXISTS",
        ):
            return RequestRefused(f"Firebase does not let this user in: {code}", status=403)
        return self._party.refuses_us(answer, "SIDELANE_FIREBASE_API_KEY and the project's providers")


class _Error(BaseModel):
    message: str = ""


class _ErrorAnswer(BaseModel):
    error: _Error = _Error()
