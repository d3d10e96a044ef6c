"""Makes OIDC tokens, right ones and wrong ones, and serves the certificates they are checked with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "http://handlers.test"
EMAIL = "tasks@sidelane-local.iam.gserviceaccount.com"
EVENT_AUDIENCE = "http://handlers.test/events"
EVENT_PUSHER = "events@sidelane-local.iam.gserviceaccount.com"


class Issuer:
    """One RSA key with its certificate, in the place of Google."""

    def __init__(self, key_id: str = "k1") -> None:
        self.key_id = key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = self._key.public_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        start = datetime.now(UTC) - timedelta(days=1)
        self.pem = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.public_key)
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=30))
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )

    def certificates(self) -> bytes:
        return json.dumps({self.key_id: self.pem}).encode()

    def token(
        self,
        *,
        algorithm: str = "RS256",
        lifetime: int = 3600,
        header: Mapping[str, object] | None = None,
        **changes: object,
    ) -> str:
        """A token like Google's, with some claims and header fields changed; a change to None leaves one out.

        `algorithm` may be a forger's.
        """
        now = int(time.time())
        claims: Mapping[str, object] = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "azp": "1234",
            "sub": "1234",
            "email": EMAIL,
            "email_verified": True,
            "iat": min(now, now + lifetime - 3600),
            "exp": now + lifetime,
            **changes,
        }
        head = {"alg": algorithm, "kid": self.key_id, "typ": "JWT", **(header or {})}
        signed = f"{_part(_present(head))}.{_part(_present(claims))}"
        return f"{signed}.{_encode(self._signature(algorithm, signed.encode()))}"

    def _signature(self, algorithm: str, signed: bytes) -> bytes:
        if algorithm == "none":
            return b""
        if algorithm == "HS256":  # key confusion: the public certificate as a shared secret
            return hmac.new(self.pem.encode(), signed, hashlib.sha256).digest()
        return self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _part(content: Mapping[str, object]) -> str:
    return _encode(json.dumps(content).encode())


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
