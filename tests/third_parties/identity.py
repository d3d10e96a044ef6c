"""Google's token endpoint, Apple's ID service, Firebase's signInWithIdp: each checks what it is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from producers.sign_in import challenge_of
from tests.handlers.tokens import Issuer
from tests.third_parties.server import Server, serving

GOOGLE_CLIENT = ("google-client", "google-secret")
APPLE_CLIENT = "com.example.app"
API_KEY = "firebase-key"


@dataclass
class Identity:
    """All three at one address, and what they were told at their authorization pages."""

    apple_keys: Issuer
    apple_private_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    challenges: dict[str, str] = field(default_factory=dict)
    """Of PKCE, by the code that Google gave for it."""
    nonces: dict[str, str] = field(default_factory=dict)
    """By the code that Apple gave."""
    apple_claims: dict[str, object] = field(default_factory=dict)
    """Changes to the next ID tokens of Apple."""
    revoked: bool = False
    """Whether Google takes no refresh token any more."""
    renewals: int = 0
    disabled: bool = False
    """Whether Firebase lets nobody in."""

    def private_pem(self) -> str:
        return self.apple_private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    async def google_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != GOOGLE_CLIENT:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") == "refresh_token":
            if self.revoked or form.get("refresh_token") != "refresh-1":
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.renewals += 1
            return web.json_response({"access_token": f"renewed-{self.renewals}", "expires_in": 3599})
        challenge = self.challenges.pop(str(form.get("code")), None)
        if challenge != challenge_of(str(form.get("code_verifier"))):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": "access-1",
                "expires_in": 3599,
                "refresh_token": "refresh-1",
                "id_token": "google-id-token",
                "scope": "openid",
                "token_type": "Bearer",
            }
        )

    async def apple_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            jwt.decode(
                str(form.get("client_secret")),
                self.apple_private_key.public_key(),
                algorithms=["ES256"],
                audience="https://appleid.apple.com",
                issuer="TEAM",
            )
        except jwt.PyJWTError:
            return web.json_response({"error": "invalid_client"}, status=400)
        nonce = self.nonces.pop(str(form.get("code")), None)
        if nonce is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = {
            "iss": "https://appleid.apple.com",
            "aud": APPLE_CLIENT,
            "sub": "001.abc",
            "nonce": nonce,
            "email_verified": "true",
            **self.apple_claims,
        }
        return web.json_response({"id_token": self.apple_keys.token(**claims)})  # type: ignore[arg-type]

    async def apple_jwks(self, _: web.Request) -> web.Response:
        numbers = self.apple_keys.public_key.public_numbers()
        key = {"kty": "RSA", "kid": self.apple_keys.key_id, "use": "sig", "alg": "RS256"}
        return web.json_response({"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]})

    async def firebase(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Goog-Api-Key") != API_KEY:
            return web.json_response({"error": {"message": "API key not valid."}}, status=400)
        asked = json.loads(await request.text())
        posted = {name: values[0] for name, values in parse_qs(asked["postBody"]).items()}
        if self.disabled or not posted.get("id_token"):
            return web.json_response({"error": {"message": "USER_DISABLED"}}, status=400)
        return web.json_response(
            {
                "localId": f"uid-of-{posted['providerId']}",
                "idToken": "firebase-id-token",
                "refreshToken": "firebase-refresh-token",
                "expiresIn": "3600",
                "isNewUser": True,
            }
        )


@asynccontextmanager
async def identity_server(identity: Identity) -> AsyncIterator[Server]:
    async with serving(
        {
            ("POST", "/token"): identity.google_token,
            ("POST", "/auth/token"): identity.apple_token,
            ("GET", "/auth/keys"): identity.apple_jwks,
            ("POST", "/v1/accounts:signInWithIdp"): identity.firebase,
        }
    ) as server:
        yield server


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).rstrip(b"=").decode()
