"""What the admin API works with, open; it opens and calls nothing itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from contracts import Catalog
from handlers.identity import Callers
from handlers.queues import CloudQueues
from handlers.reconciler import Reconciler
from lanes import Telemetry
from producers import Producer
from stores import Blobs, Stores
from stores.erasure import Erasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    callers: Callers
    """Of administrators alone."""
    stores: Stores
    blobs: Blobs
    erasure: Erasure
    reconciler: Reconciler
    queues: CloudQueues
    producer: Producer
    catalog: Catalog
    telemetry: Telemetry
    clock: Callable[[], datetime]
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    takes_literal_secrets: bool
    """Whether a new key may be kept as it is: off Cloud Run alone."""
