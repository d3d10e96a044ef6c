"""Signs what is sent to a receiver, as Standard Webhooks 1.0 says (scheme v1: HMAC-SHA256). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105  (the public mark of a key, not a key)


def signed_headers(secret: str, *, delivery_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows the sender, and the delivery among its repetitions.

    Args:
        secret: `whsec_` and the key in base64.
        now: aware; the signature's timestamp, made anew for each attempt.

    Raises:
        ValueError: the secret is no such key.
    """
    timestamp = str(int(now.timestamp()))
    signed = b".".join((delivery_id.encode(), timestamp.encode(), body))
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the endpoint's signing key is not base64; register the endpoint again") from error
    if not 24 <= len(key) <= 64:
        raise ValueError(f"the endpoint's signing key has {len(key)} bytes; it needs 24 to 64")
    return key
