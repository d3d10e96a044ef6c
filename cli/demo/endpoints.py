"""The demo's five users, each with one kind of endpoint. Values only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from enum import StrEnum

from contracts import WebhookKind
from stores import Endpoint, SigningKey


class EndpointKind(StrEnum):
    """How an endpoint answers, and the name of the user that it belongs to."""

    GOOD = "good"
    """At once, with 200."""
    SLOW = "slow"
    """With 200, after five seconds."""
    FLAKY = "flaky"
    """With 503 twice for every delivery, then with 200."""
    DEAD = "dead"
    """With 500, until it is repaired."""
    GONE = "gone"
    """With 410, until it is repaired."""

    @property
    def uid(self) -> str:
        return f"demo-{self.value}"


BREAKABLE = frozenset({EndpointKind.DEAD, EndpointKind.GONE})
"""The kinds that deliver nothing before they are repaired."""

_STREAMED: tuple[WebhookKind, ...] = ("realtime_transcript", "memory_created")


def endpoints(receiver: str) -> Iterator[Endpoint]:
    """The directory of the demo: what each user registered at `receiver`, the receiver's base URL."""
    for kind in EndpointKind:
        for event in _STREAMED:
            yield Endpoint(
                uid=kind.uid,
                kind=event,
                url=f"{receiver}/{kind}/{event}",
                keys=(SigningKey(secret=_secret(kind)),),
            )


def _secret(kind: EndpointKind) -> str:
    """A signing key fit for a demo alone: anybody can compute it."""
    return "whsec_" + base64.b64encode(hashlib.sha256(kind.uid.encode()).digest()).decode()
