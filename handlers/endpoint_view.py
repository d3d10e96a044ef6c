"""What an operator is shown of registered servers: values that JSON knows, and no key. Changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

from handlers.errors import BadSigningKey
from handlers.secrets import names_secret
from handlers.signing import scheme_of
from stores import Directory, Endpoint, Health, SigningKey

PAGE = 200

ShownKey = dict[str, str | None]
"""What may be seen of a key: its scheme, or the name of its secret, and its end."""


async def every(directory: Directory, uid: str | None) -> AsyncIterator[Endpoint]:
    """Every endpoint, or those of one user, page by page."""
    after: Endpoint | None = None
    while page := await directory.endpoints(uid=uid, limit=PAGE, after=after):
        for endpoint in page:
            yield endpoint
        after = page[-1]


def summary(endpoint: Endpoint, health: Health, now: datetime) -> dict[str, Any]:
    """What may be seen of an endpoint: of its keys the scheme or the secret's name, and the end."""
    return {
        "uid": endpoint.uid,
        "kind": endpoint.kind,
        "url": endpoint.url,
        "paused": endpoint.paused,
        "failing_since": health.failing_since.isoformat() if health.failing_since else None,
        "disabled_at": health.disabled_at.isoformat() if health.disabled_at else None,
        "disabled_for": health.disabled_for or None,
        "keys": shown_keys(endpoint.keys, now),
    }


def shown_keys(keys: Iterable[SigningKey], now: datetime) -> list[ShownKey]:
    """Of the keys that sign, the newest first."""
    return [
        {"scheme": _scheme(key), "not_after": key.not_after.isoformat() if key.not_after else None}
        for key in keys
        if key.signs_at(now)
    ]


def _scheme(key: SigningKey) -> str:
    if names_secret(key.secret):
        return key.secret
    try:
        return scheme_of(key.secret)
    except BadSigningKey:
        return "malformed"
