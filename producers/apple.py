"""Sign in with Apple: exchanges its code, checks its ID token by Apple's keys. Knows no user of ours.

https://developer.apple.com/documentation/signinwithapplerestapi
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel

from lanes import KeysAway, TokenRefused
from lanes.id_token import Claims, Refusal, time_refusal
from lanes.issuer_keys import IssuerKeys, ProvedTokens
from producers.errors import InvalidSettings, RequestRefused, ThirdPartyBusy
from producers.third_party import ThirdParty

ISSUER = "https://appleid.apple.com"
_SECRET_LIFE = 300
"""Seconds that a client secret is good for; Apple takes up to six months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleClient:
    """Who we are to Apple."""

    client_id: str
    team_id: str
    key_id: str
    private_key: str = field(repr=False)
    """PEM (PKCS 8) of a P-256 key."""

    def signing_key(self) -> EllipticCurvePrivateKey:
        """Raises `InvalidSettings`, which never holds the key."""
        try:
            key = load_pem_private_key(self.private_key.encode(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise InvalidSettings("SIDELANE_APPLE_PRIVATE_KEY: must be a P-256 private key in PEM")
        return key


class Apple:
    """Apple's ID service."""

    def __init__(
        self,
        party: ThirdParty,
        keys: IssuerKeys,
        client: AppleClient,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the world's time, in Unix seconds."""
        self._party = party
        self._client = client
        self._key = client.signing_key()
        self._clock = clock
        self._tokens = ProvedTokens(keys, self._judge, max_remembered=1)

    async def exchange(self, code: str, *, redirect_uri: str, nonce: str) -> str:
        """The ID token that Apple gives for this code, proven to be Apple's, ours, and of this sign-in.

        Raises:
            RequestRefused: Apple does not take the code, or its token is not of this sign-in.
            ThirdPartyFailed and its kinds: Apple, or its keys, cannot be had.
        """
        form = {
            "client_id": self._client.client_id,
            "client_secret": self._secret(),
            "code": code,
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
        }
        answer = await self._party.ask("POST", "/auth/token", form=form)
        if answer.status != 200:
            error = self._party.read(_Error, answer).error
            if error == "invalid_client":
                raise self._party.refuses_us(
                    answer, "SIDELANE_APPLE_CLIENT_ID, _TEAM_ID, _KEY_ID, _PRIVATE_KEY"
                )
            raise RequestRefused("Apple does not take this code: sign in again", status=400)
        token = self._party.read(_Tokens, answer).id_token
        try:
            claims = await self._tokens.check(token)
        except TokenRefused as error:
            raise RequestRefused(f"Apple's ID token: {error}", status=400) from error
        except KeysAway as error:
            raise ThirdPartyBusy(self._party.name, str(error)) from error
        if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
            raise RequestRefused("Apple's ID token is of another sign-in: start again", status=400)
        return token

    def _judge(self, claims: Claims) -> None:
        if claims.iss != ISSUER:
            raise TokenRefused(Refusal.ISSUER, "its issuer is not Apple")
        if claims.aud != self._client.client_id:
            raise TokenRefused(Refusal.AUDIENCE, "it was made for another client")
        if not claims.sub:
            raise TokenRefused(Refusal.SUBJECT, "it names no user")
        refusal = time_refusal(claims, self._clock())
        if refusal is not None:
            raise TokenRefused(refusal, f"it is {refusal}")

    def _secret(self) -> str:
        """A JWT signed by our key (ES256), which stands in the place of a password."""
        now = int(self._clock())
        client = self._client
        head = {"alg": "ES256", "kid": client.key_id}
        claims = {
            "iss": client.team_id,
            "iat": now,
            "exp": now + _SECRET_LIFE,
            "aud": ISSUER,
            "sub": client.client_id,
        }
        signed = f"{_part(head)}.{_part(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ECDSA(SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class _Tokens(BaseModel):
    id_token: str


class _Error(BaseModel):
    error: str = ""


def _part(content: Mapping[str, object]) -> str:
    return _encoded(json.dumps(content).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
