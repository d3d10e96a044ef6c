"""One value of everything that is remembered: `tests/stores/golden` was written from it, and reads as it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from contracts import Coordinates, DeadLetter, Position, SpeakerEmbedding
from lanes import Phase
from stores import (
    Address,
    App,
    Device,
    Endpoint,
    Health,
    Kept,
    Key,
    Outcome,
    OutcomeKind,
    Place,
    Recalled,
    SigningKey,
    SpeechResult,
    Start,
    Stores,
    TargetState,
    Traffic,
)
from stores.ledger import record

NOW = datetime(2026, 11, 1, 12, 0, 0, 250, tzinfo=UTC)
KEYS = (SigningKey(secret="whsec_new"), SigningKey(secret="whsec_old", not_after=NOW))
BODY = b'{"type":"developer-webhook"}\n\x00\xff'

START = Start(
    key=Key("developer-webhook", "memory_created/u/1/0", 0),
    position=Position(attempt=1, park=0),
    token="t1",
    at=NOW,
    expires_at=NOW + timedelta(days=60),
    lease=timedelta(seconds=60),
    owner="u",
    queue="developer-webhooks",
    target="developer/u/memory_created",
)
RETRY = Outcome(
    kind=OutcomeKind.RETRY,
    reason="target-failed",
    detail="answered 500",
    decided_at=NOW,
    due=NOW + timedelta(minutes=5),
    next=Position(attempt=2, park=0),
)
ENDPOINT = Endpoint(uid="u", kind="memory_created", url="https://example.com/hook", keys=KEYS, paused=True)
LETTER = DeadLetter.of_bytes(
    BODY, type_name="x", task_name="7", queue="q", reason="undecodable", detail="no", died_at=NOW
).model_copy(update={"owner": "u"})
DEVICE = Device(uid="u", token="phone:APA91b", platform="android", added_at=NOW)
TRAFFIC = Traffic(phase=Phase.OPEN, since=1.25, retry_at=31.25, booked_until=40.5)
HEALTH = Health(failing_since=NOW, told=90, told_at=NOW, disabled_at=NOW, disabled_for="failing")
ADDRESS = Address(
    google_place_id="p", latitude=48.1, longitude=11.5, address="Marienplatz 1", location_type="ROOFTOP"
)
CELL = "48.137,11.575"
PLACE = Place(
    uid="u",
    conversation_id="c",
    revision=1,
    at=Coordinates(latitude=48.137, longitude=11.575),
    address=ADDRESS,
)
SPEECH = SpeechResult(
    uid="u",
    job_id="j",
    finding=SpeakerEmbedding(vector=(0.1, -1e-9)),
    found_at=NOW,
    expires_at=NOW + timedelta(days=30),
)
APP = App(
    id="weather",
    name="Weather ☂",
    owner="maker",
    url="https://weather.example",
    triggers=frozenset({"memory_creation"}),
    keys=KEYS,
)


async def remember(stores: Stores) -> None:
    await stores.ledger.record(START, RETRY, BODY)
    await stores.directory.put_endpoint(ENDPOINT)
    await stores.dead_letters.add(LETTER)
    await stores.dead_letters.mark_replayed(LETTER.id, generation=1, at=NOW)
    await stores.devices.add(DEVICE)
    await stores.targets.change_traffic("q", "t", lambda _: TRAFFIC)
    await stores.targets.change_health("t", lambda _: HEALTH)
    await stores.places.attach(PLACE)
    await stores.places.remember(CELL, ADDRESS, now=NOW)
    await stores.speech.put(SPEECH)
    await stores.apps.add_app(APP)
    await stores.apps.enable("u", APP.id)
    await stores.grants.keep("u", "google", b"sealed")


EXPECTED: Mapping[str, object] = {
    "row": record(None, START, RETRY, BODY)[0],
    "endpoint": ENDPOINT,
    "letter": Kept(LETTER, replayed_at=NOW, replayed_as=1),
    "devices": (DEVICE,),
    "target": TargetState(traffic=TRAFFIC, health=HEALTH),
    "place": PLACE,
    "cell": Recalled(ADDRESS),
    "speech": SPEECH,
    "apps": (APP,),
    "grant": b"sealed",
}


async def recalled(stores: Stores) -> Mapping[str, object]:
    return {
        "row": await stores.ledger.read(START.key),
        "endpoint": await stores.directory.endpoint(ENDPOINT.uid, ENDPOINT.kind),
        "letter": await stores.dead_letters.get(LETTER.id),
        "devices": await stores.devices.of("u"),
        "target": await stores.targets.read("q", "t"),
        "place": await stores.places.place(PLACE.uid, PLACE.conversation_id),
        "cell": await stores.places.recall(CELL, now=NOW),
        "speech": await stores.speech.get(SPEECH.uid, SPEECH.job_id, SPEECH.finding.kind, now=NOW),
        "apps": await stores.apps.enabled_apps("u", limit=10),
        "grant": await stores.grants.grant("u", "google"),
    }
