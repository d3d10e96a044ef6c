"""The steps by which the stores' SQLite file came to its present schema, in order. Only ever appended to."""

from __future__ import annotations

from stores.sqlite import apps, dead_letters, devices, directory, grants, ledger, places, speech, targets
from stores.sqlite.migrations import Step

STEPS: tuple[Step, ...] = (
    (*ledger.SCHEMA, *directory.SCHEMA, *dead_letters.SCHEMA),
    directory.SEVERAL_KEYS,
    dead_letters.OWNERS,
    dead_letters.DISCARDS,
    devices.SCHEMA,
    targets.SCHEMA,
    places.SCHEMA,
    speech.SCHEMA,
    ledger.LEASES_AND_FOLLOW_UPS,
    apps.SCHEMA,
    grants.SCHEMA,
)
