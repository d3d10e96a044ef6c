"""Reads an OIDC ID token and says what it claims. Pure: it fetches nothing, and knows no request.

Strict on purpose: RS256 alone, which is what Google, Firebase and Apple sign with, so that no header of a
token chooses how the token is checked (`alg: none`, or a public certificate taken for a shared secret).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import AllowInfNan, BaseModel, ConfigDict, Strict, StrictStr, ValidationError

CLOCK_SKEW = 10
"""Seconds by which the issuer's clock may differ from ours."""
MAX_TOKEN = 8192
"""Characters; Google's have about a thousand."""


class Refusal(StrEnum):
    """Why a token, or its bearer, is refused; the values are labels of a metric."""

    NO_TOKEN = "no-token"  # noqa: S105  (no password)
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    SUBJECT = "subject"
    NONCE = "nonce"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    EMAIL_UNVERIFIED = "email-unverified"
    EMAIL = "email"


_Seconds = Annotated[float, Strict(), AllowInfNan(False)]


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True)

    alg: StrictStr
    kid: StrictStr = ""
    crit: Literal[None] = None
    """Extensions that must be understood (RFC 7515, 4.1.11): none is."""


class Claims(BaseModel):
    """What an ID token says (OpenID Connect Core, 2), as far as it counts here. Times are Unix seconds."""

    model_config = ConfigDict(frozen=True)

    iss: StrictStr
    aud: StrictStr
    iat: _Seconds
    exp: _Seconds
    nbf: _Seconds | None = None
    auth_time: _Seconds | None = None
    sub: StrictStr = ""
    nonce: StrictStr = ""
    email: StrictStr = ""
    email_verified: object = None


@dataclass(frozen=True, slots=True)
class IdToken:
    key_id: str
    """Empty where the header names none."""
    algorithm: str
    claims: Claims
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def is_signed_by(self, key: RSAPublicKey) -> bool:
        try:
            key.verify(self.signature, self.signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def read_token(token: str) -> IdToken:
    """The parts of a token; nothing is proven yet. Raises `ValueError`, which never holds the token."""
    try:
        head, body, signature = token.encode("ascii").split(b".")
        header = _Header.model_validate_json(_decoded(head))
        claims = Claims.model_validate_json(_decoded(body))
        return IdToken(header.kid, header.alg, claims, head + b"." + body, _decoded(signature))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise ValueError(f"its field {place!r}: {first['msg']}") from None
    except (ValueError, binascii.Error):
        raise ValueError("it is not three parts in base64") from None


def time_refusal(claims: Claims, now: float) -> Refusal | None:
    """Why a token is not valid at this moment (Unix seconds); None where it is."""
    if now < max(claims.iat, claims.nbf or claims.iat) - CLOCK_SKEW:
        return Refusal.NOT_YET_VALID
    return Refusal.EXPIRED if now > claims.exp + CLOCK_SKEW else None


def _decoded(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
