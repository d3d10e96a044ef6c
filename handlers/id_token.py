"""Reads an OIDC ID token and judges what it claims. Pure: it fetches nothing, and knows no request.

Strict on purpose: RS256 alone, which is what Google signs with, so that no header of a token chooses how the
token is checked (`alg: none`, or a public certificate taken for a shared secret).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from google.auth import crypt
from pydantic import AllowInfNan, BaseModel, ConfigDict, Strict, StrictStr, ValidationError

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CLOCK_SKEW = 10
"""Seconds by which the issuer's clock may differ from ours."""
MAX_TOKEN = 8192
"""Characters; Google's have about a thousand."""


class Refusal(StrEnum):
    """Why a caller is refused; the values are labels of a metric."""

    NO_TOKEN = "no-token"  # noqa: S105  (no password)
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
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

    def is_signed_by(self, certificate: str) -> bool:
        """Whether the key of this certificate made the signature. Raises as `check_certificate`."""
        check_certificate(certificate)
        return bool(crypt.RSAVerifier.from_string(certificate).verify(self.signed, self.signature))


def check_certificate(certificate: str) -> None:
    """Raises `ValueError` where this is not the certificate of an RSA key in PEM."""
    if not isinstance(load_pem_x509_certificate(certificate.encode()).public_key(), RSAPublicKey):
        raise ValueError("a certificate is not of an RSA key")  # noqa: TRY004  (it came from outside)


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


def judge(claims: Claims, *, audience: str, emails: Collection[str], now: float) -> Refusal | None:
    """Why a token with these claims is refused; None where it is good.

    All of them count: the audience alone would let in every service account of every Google customer.

    Args:
        now: Unix seconds.
    """
    if claims.iss not in ISSUERS:
        return Refusal.ISSUER
    if claims.aud != audience:
        return Refusal.AUDIENCE
    if now < max(claims.iat, claims.nbf or claims.iat) - CLOCK_SKEW:
        return Refusal.NOT_YET_VALID
    if now > claims.exp + CLOCK_SKEW:
        return Refusal.EXPIRED
    if claims.email_verified is not True:
        return Refusal.EMAIL_UNVERIFIED
    return None if claims.email in emails else Refusal.EMAIL


def _decoded(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
