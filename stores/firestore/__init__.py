"""The stores in Firestore: all of them in one database, shared by every instance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from stores.firestore import apps, dead_letters, devices, directory, grants, ledger, places, speech, targets
from stores.firestore.apps import FirestoreApps
from stores.firestore.collection import Collection
from stores.firestore.connection import DEADLINE, Connection, Statistics
from stores.firestore.dead_letters import FirestoreDeadLetters
from stores.firestore.devices import FirestoreDevices
from stores.firestore.directory import FirestoreDirectory
from stores.firestore.grants import FirestoreGrants
from stores.firestore.ledger import FirestoreLedger
from stores.firestore.places import FirestorePlaces
from stores.firestore.speech import FirestoreSpeechResults
from stores.firestore.targets import FirestoreTargetStates

__all__ = (
    "DEADLINE",
    "Collection",
    "Connection",
    "FirestoreApps",
    "FirestoreDeadLetters",
    "FirestoreDevices",
    "FirestoreDirectory",
    "FirestoreGrants",
    "FirestoreLedger",
    "FirestorePlaces",
    "FirestoreSpeechResults",
    "FirestoreStores",
    "FirestoreTargetStates",
    "Statistics",
    "open_firestore",
)


@dataclass(frozen=True, slots=True)
class FirestoreStores:
    ledger: FirestoreLedger
    directory: FirestoreDirectory
    dead_letters: FirestoreDeadLetters
    devices: FirestoreDevices
    targets: FirestoreTargetStates
    places: FirestorePlaces
    speech: FirestoreSpeechResults
    apps: FirestoreApps
    grants: FirestoreGrants
    connection: Connection


@asynccontextmanager
async def open_firestore(
    *, project: str, database: str, emulator: str | None = None, deadline: float = DEADLINE
) -> AsyncIterator[FirestoreStores]:
    """Open every store of one database, and close them at the end; the first call connects.

    Args:
        emulator: HOST:PORT of Google's Firestore emulator, instead of the service.
        deadline: Seconds for one call with all its retries.

    Raises:
        StoreUnavailable: there are no credentials.
    """
    connection = Connection(project=project, database=database, emulator=emulator, deadline=deadline)
    client = await connection.open()

    def collection(name: str) -> Collection:
        return Collection(client, connection, name)

    try:
        yield FirestoreStores(
            ledger=FirestoreLedger(collection(ledger.NAME)),
            directory=FirestoreDirectory(collection(directory.NAME)),
            dead_letters=FirestoreDeadLetters(collection(dead_letters.NAME)),
            devices=FirestoreDevices(collection(devices.NAME)),
            targets=FirestoreTargetStates(collection(targets.TRAFFIC), collection(targets.HEALTH)),
            places=FirestorePlaces(collection(places.PLACES), collection(places.CELLS)),
            speech=FirestoreSpeechResults(collection(speech.NAME)),
            apps=FirestoreApps(collection(apps.APPS), collection(apps.ENABLED)),
            grants=FirestoreGrants(collection(grants.GRANTS)),
            connection=connection,
        )
    finally:
        await connection.aclose()
