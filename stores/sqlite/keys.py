"""Signing keys as JSON text in a column: `[{"secret": TEXT, "not_after": TEXT or null}]`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from stores.endpoint import SigningKey


def keys_text(keys: Iterable[SigningKey]) -> str:
    return json.dumps(
        [
            {"secret": key.secret, "not_after": key.not_after.isoformat() if key.not_after else None}
            for key in keys
        ]
    )


def keys_in(text: str) -> tuple[SigningKey, ...]:
    return tuple(
        SigningKey(
            secret=key["secret"],
            not_after=datetime.fromisoformat(key["not_after"]) if key["not_after"] else None,
        )
        for key in json.loads(text)
    )
