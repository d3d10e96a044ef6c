"""What is remembered: how far tasks have come, where side effects go, what was given up."""

from __future__ import annotations

from stores.apps import App, Apps
from stores.blobs import BLOB_DEADLINE, MAX_BLOB_BYTES, Blobs
from stores.dead_letters import DeadLetters, Depth, Filter, Kept
from stores.devices import MAX_DEVICES, Device, Devices, Platform
from stores.directory import Directory
from stores.endpoint import OVERLAP, Endpoint, SigningKey, rotated, rotated_keys
from stores.errors import (
    BlobDamaged,
    BlobMissing,
    BlobTooLarge,
    NobodyToErase,
    SchemaTooNew,
    StoreClosed,
    StoreError,
    StoreUnavailable,
    TooManyKeys,
)
from stores.grants import Grants
from stores.ledger import (
    Claim,
    Key,
    Lease,
    Leased,
    Ledger,
    Recorded,
    Row,
    Settled,
    Start,
    Started,
    Superseded,
)
from stores.location import FirestoreDatabase, Location, SqliteFile, location, open_stores
from stores.outcome import FOLLOWED, Ended, Outcome, OutcomeKind
from stores.places import CACHED_FOR, Address, Place, Places, Recalled, attached
from stores.speech import SpeechResult, SpeechResults
from stores.stores import Stores
from stores.targets import Health, TargetState, TargetStates, Traffic

__all__ = (
    "BLOB_DEADLINE",
    "CACHED_FOR",
    "FOLLOWED",
    "MAX_BLOB_BYTES",
    "MAX_DEVICES",
    "OVERLAP",
    "Address",
    "App",
    "Apps",
    "BlobDamaged",
    "BlobMissing",
    "BlobTooLarge",
    "Blobs",
    "Claim",
    "DeadLetters",
    "Depth",
    "Device",
    "Devices",
    "Directory",
    "Ended",
    "Endpoint",
    "Filter",
    "FirestoreDatabase",
    "Grants",
    "Health",
    "Kept",
    "Key",
    "Lease",
    "Leased",
    "Ledger",
    "Location",
    "NobodyToErase",
    "Outcome",
    "OutcomeKind",
    "Place",
    "Places",
    "Platform",
    "Recalled",
    "Recorded",
    "Row",
    "SchemaTooNew",
    "Settled",
    "SigningKey",
    "SpeechResult",
    "SpeechResults",
    "SqliteFile",
    "Start",
    "Started",
    "StoreClosed",
    "StoreError",
    "StoreUnavailable",
    "Stores",
    "Superseded",
    "TargetState",
    "TargetStates",
    "TooManyKeys",
    "Traffic",
    "attached",
    "location",
    "open_stores",
    "rotated",
    "rotated_keys",
)
