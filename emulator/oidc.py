"""Signs the ID and access tokens that go with a dispatch; it checks none, which is the receiver's part."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

from emulator.engine.clock import Clock
from emulator.errors import EmulatorError

ISSUER = "https://accounts.google.com"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The scope of an access token that asks for none."""
LIFETIME = 3600  # seconds from iat to exp, as Google's service accounts have it
RENEWAL = 300  # seconds before exp from which a cached token is no longer handed out
CACHED_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class IssuerStatistics:
    """Tokens signed since the issuer was opened, and tokens held in its cache."""

    signed_total: int
    cached: int


class TokenIssuer:
    """Google's part on one machine: tokens of service accounts, and the key to check them by.

    The key is made once and kept in `key_file` (mode 0600), so tokens outlive a restart. Tokens are cached
    by email and audience or scope; a full cache drops the one that was used longest ago.

    Who checks a token goes by the wall clock, so `clock` should too.
    """

    def __init__(self, key_file: Path, *, clock: Clock, cached_tokens: int = CACHED_TOKENS) -> None:
        self._key_file = key_file
        self._clock = clock
        self._cached_tokens = cached_tokens
        self._cache: OrderedDict[tuple[str, str, str], tuple[str, float]] = OrderedDict()
        self._signed = 0

    async def open(self) -> None:
        """Load the key, or make it. Raises EmulatorError where the file is out of reach or no RSA key."""
        try:
            key = await asyncio.to_thread(_load_or_create, self._key_file)
        except OSError as exc:
            raise EmulatorError(f"cannot keep the key that signs tokens: {exc}; free the path") from exc
        self._public_key = key.public_key()
        self._key_id = _key_id(self._public_key)
        self._certificate = await asyncio.to_thread(_certificate, key)
        self._signer = crypt.RSASigner(key, key_id=self._key_id)

    def token(self, *, email: str, audience: str) -> str:
        """An ID token of service account `email` for `audience`, good for at least five minutes."""
        return self._cached_token(email, "aud", audience)

    def access_token(self, *, email: str, scope: str = "") -> str:
        """An OAuth access token of `email`, good for as long; an empty `scope` is that of Google Cloud.

        Google's own are opaque. Ours is a JWT by the same key, whose claim `scope` a receiver can verify; it
        has no audience, so that it never passes for an ID token.
        """
        return self._cached_token(email, "scope", scope or CLOUD_PLATFORM)

    def _cached_token(self, email: str, claim: str, value: str) -> str:
        now = self._clock.now()
        cached = self._cache.get((email, claim, value))
        if cached is not None and now < cached[1] - RENEWAL:
            self._cache.move_to_end((email, claim, value))
            return cached[0]
        token, expires_at = self._sign(email, {claim: value}, int(now))
        self._cache[email, claim, value] = token, expires_at
        self._cache.move_to_end((email, claim, value))
        if len(self._cache) > self._cached_tokens:
            self._cache.popitem(last=False)
        return token

    def certificates(self) -> dict[str, str]:
        """As Google's `/oauth2/v1/certs`: key id to the key's self-signed X.509 certificate in PEM."""
        return {self._key_id: self._certificate}

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """As Google's `/oauth2/v3/certs`: a JSON Web Key Set (RFC 7517)."""
        numbers = self._public_key.public_numbers()
        key = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self._key_id,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }
        return {"keys": [key]}

    def now(self) -> float:
        """The time of its tokens, in seconds since the epoch."""
        return self._clock.now()

    def statistics(self) -> IssuerStatistics:
        return IssuerStatistics(signed_total=self._signed, cached=len(self._cache))

    def _sign(self, email: str, claim: dict[str, str], issued_at: int) -> tuple[str, int]:
        account = _account_id(email)
        expires_at = issued_at + LIFETIME
        claims = {
            "iss": ISSUER,
            **claim,
            "azp": account,
            "sub": account,
            "email": email,
            "email_verified": True,
            "iat": issued_at,
            "exp": expires_at,
        }
        self._signed += 1
        return jwt.encode(self._signer, claims).decode(), expires_at


def _load_or_create(key_file: Path) -> rsa.RSAPrivateKey:
    try:
        pem = key_file.read_bytes()
    except FileNotFoundError:
        return _create(key_file)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as exc:
        raise _unusable(key_file) from exc
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unusable(key_file)
    return key


def _create(key_file: Path) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_file.parent.mkdir(parents=True, exist_ok=True)
    # A temporary file is private from its first byte, and the rename lets no reader see half a key.
    descriptor, temporary = tempfile.mkstemp(dir=key_file.parent, prefix=f"{key_file.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(key_file)
    return key


def _unusable(key_file: Path) -> EmulatorError:
    return EmulatorError(
        f"{key_file} holds no RSA key in PEM: restore the file, or delete it to have a new key made"
    )


def _certificate(key: rsa.RSAPrivateKey) -> str:
    """A certificate that depends on the key alone, so it needs no file of its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sidelane emulator")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(_key_id(key.public_key())[:30], 16) + 1)
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))  # no expiry: RFC 5280, 4.1.2.5
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_id(key: rsa.RSAPublicKey) -> str:
    """40 hexadecimal digits, like Google's."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:40]


def _account_id(email: str) -> str:
    """The account's unique id: 21 digits, like Google's, and always the same for one email."""
    number = int.from_bytes(hashlib.sha256(email.encode()).digest())
    return f"1{number % 10**20:020d}"


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
