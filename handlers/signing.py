"""Signs what is sent to a receiver, as Standard Webhooks 1.0 says. Pure; keeps and shows no keys.

| scheme | key                                                            | signature   |
|--------|----------------------------------------------------------------|-------------|
| v1     | `whsec_` and 24 to 64 bytes, known to both sides               | HMAC-SHA256 |
| v1a    | `whsk_` and an ed25519 seed; the receiver holds `whpk_` alone  | ed25519     |

What is signed are the bytes `ID.TIMESTAMP.BODY`, whatever the body is. Every key that has not expired signs,
so that a receiver may exchange its key at any moment of the overlap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.errors import BadSigningKey
from stores import SigningKey

PUBLIC_PREFIX = "whpk_"
SEED_BYTES = 32
"""Of an ed25519 key; its public half has as many."""
_REMEDY = "give the endpoint a new key: `sidelane endpoints rotate-key`"


class Scheme(StrEnum):
    """How a key signs; the values stand before each signature."""

    V1 = "v1"
    V1A = "v1a"

    @property
    def prefix(self) -> str:
        """What a key of this scheme begins with."""
        return "whsec_" if self is Scheme.V1 else "whsk_"


def signed_headers(
    keys: Iterable[SigningKey], *, delivery_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers by which a receiver knows the sender, and the delivery among its repetitions.

    Args:
        keys: of the endpoint; those that have expired sign no more.
        now: aware; the signatures' timestamp, made anew for each attempt.

    Raises:
        BadSigningKey: a key is malformed, or none is left that signs.
    """
    timestamp = str(int(now.timestamp()))
    content = b".".join((delivery_id.encode(), timestamp.encode(), body))
    signatures = [
        _signature(key.secret, content, field=f"keys[{place}].secret")
        for place, key in enumerate(keys)
        if key.signs_at(now)
    ]
    if not signatures:
        raise BadSigningKey(f"keys: none of the endpoint signs at {now:%Y-%m-%dT%H:%M:%SZ}; {_REMEDY}")
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def new_secret(scheme: Scheme, random: Callable[[int], bytes]) -> str:
    """A new key of 32 bytes; `random` gives so many unpredictable ones (`secrets.token_bytes`)."""
    return scheme.prefix + base64.b64encode(random(SEED_BYTES)).decode()


def scheme_of(secret: str, *, field: str = "secret") -> Scheme:
    """Raises `BadSigningKey` where the key has no known prefix."""
    for scheme in Scheme:
        if secret.startswith(scheme.prefix):
            return scheme
    raise BadSigningKey(f'{field}: a key begins with "whsec_" (v1) or "whsk_" (v1a); {_REMEDY}')


def public_key(secret: str) -> str:
    """What the receiver of a v1a key is given: `whpk_` and 32 bytes in base64.

    Raises:
        BadSigningKey: it is no v1a key.
    """
    if scheme_of(secret) is not Scheme.V1A:
        raise BadSigningKey("secret: a v1 key is known to both sides and has no public half; show the key")
    public = _ed25519(secret, field="secret").public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(public).decode()


def _signature(secret: str, content: bytes, *, field: str) -> str:
    scheme = scheme_of(secret, field=field)
    match scheme:
        case Scheme.V1:
            signature = hmac.new(_shared(secret, field=field), content, hashlib.sha256).digest()
        case Scheme.V1A:
            signature = _ed25519(secret, field=field).sign(content)
    return f"{scheme},{base64.b64encode(signature).decode()}"


def _shared(secret: str, *, field: str) -> bytes:
    key = _decoded(secret, Scheme.V1, field=field)
    if not 24 <= len(key) <= 64:
        raise BadSigningKey(f"{field}: a v1 key has 24 to 64 bytes, this one {len(key)}; {_REMEDY}")
    return key


def _ed25519(secret: str, *, field: str) -> Ed25519PrivateKey:
    """From a seed, or a seed and its public half, as other senders store them."""
    key = _decoded(secret, Scheme.V1A, field=field)
    if len(key) not in (SEED_BYTES, 2 * SEED_BYTES):
        raise BadSigningKey(
            f"{field}: a v1a key has 32 bytes, or 64 with its public half, this one {len(key)}; {_REMEDY}"
        )
    private = Ed25519PrivateKey.from_private_bytes(key[:SEED_BYTES])
    public = key[SEED_BYTES:]
    if public and public != private.public_key().public_bytes_raw():
        raise BadSigningKey(f"{field}: the public half belongs to another v1a key; {_REMEDY}")
    return private


def _decoded(secret: str, scheme: Scheme, *, field: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(scheme.prefix), validate=True)
    except (binascii.Error, ValueError):
        raise BadSigningKey(f"{field}: the key is not base64 after its prefix; {_REMEDY}") from None
