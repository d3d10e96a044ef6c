"""The guide for receivers: its code, run as it stands there against what is really sent, and its figures."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from contracts import AudioBytes, DeveloperWebhook, load_catalog
from handlers.delivery import INSTANT, MAX_RETRY_AFTER, End, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.health import LEVELS, NOTICE
from handlers.signing import Scheme, new_secret, public_key, signed_headers
from handlers.webhook_request import WebhookRequests
from handlers.webhooks import DeveloperWebhooks
from lanes import LOCAL, WEBHOOKS, HttpLane
from stores import OVERLAP, Endpoint, SigningKey, rotated
from stores.sqlite import open_sqlite
from tests.handlers.secret_manager_server import literal_secrets
from tests.receiver import Received, receiver

GUIDE = Path("docs/RECEIVERS.md").read_text(encoding="utf-8")
Verify = Callable[[str, Mapping[str, str], bytes], bool]
EVENT = AudioBytes(stream_id="s", sequence=0, sample_rate=16000, audio=bytes(range(256)))
V1 = new_secret(Scheme.V1, lambda count: b"\x01" * count)
V1A = new_secret(Scheme.V1A, lambda count: b"\x02" * count)
HELD = {V1: V1, V1A: public_key(V1A)}
"""What the receiver holds of a key."""


def code() -> dict[str, Any]:
    """The names that the guide's blocks define, each run in a namespace of its own."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        own: dict[str, Any] = {}
        exec(block, own)
        names.update(own)
    return names


NAMES = code()
VERIFY: dict[str, Verify] = {V1: NAMES["verify_v1"], V1A: NAMES["verify_v1a"]}
both_schemes = pytest.mark.parametrize("secret", [V1, V1A], ids=["v1", "v1a"])


def signed(*secrets: str, body: bytes = b"\xff\x00", now: datetime | None = None) -> dict[str, str]:
    keys = [SigningKey(secret=secret) for secret in secrets]
    return signed_headers(keys, delivery_id="msg_1", body=body, now=now or datetime.now(UTC))


@both_schemes
async def test_what_is_sent_verifies_with_the_old_key_and_the_new(secret: str, tmp_path: Path) -> None:
    verify, verdicts = VERIFY[secret], []

    async def respond(got: Received) -> web.Response:
        verdicts.append(verify(HELD[secret], got.headers, got.body))
        return web.Response(status=204 if verdicts[-1] else 401)

    async with (
        open_sqlite(tmp_path / "stores.sqlite3") as stores,
        HttpLane(WEBHOOKS, egress=LOCAL) as lane,
        receiver(respond) as target,
    ):
        webhooks = DeveloperWebhooks(
            stores.directory, WebhookRequests(lane, literal_secrets(), clock=lambda: datetime.now(UTC))
        )

        async def deliver(endpoint: Endpoint) -> End:
            await stores.directory.put_endpoint(endpoint)
            delivery = Delivery(id="msg_1", attempt=1, deadline=5.0)
            return await webhooks(DeveloperWebhook(uid="u", event=EVENT), delivery)

        only = Endpoint(uid="u", kind=EVENT.kind, url=target.url, keys=(SigningKey(secret=secret),))
        after = rotated(only, new_secret(Scheme.V1, lambda count: b"\x03" * count), now=datetime.now(UTC))
        assert await deliver(only) == Returned()
        assert await deliver(after) == Returned()
        assert await deliver(rotated(after, "whsec_" + "A" * 32, now=datetime.now(UTC))) == Returned()
        stolen = rotated(only, "whsec_" + "A" * 32, now=datetime.now(UTC), overlap=timedelta(0))
        assert await deliver(stolen) == TargetFailed("answered 401")
    assert verdicts == [True, True, True, False]


@both_schemes
def test_what_was_tampered_with_does_not_verify(secret: str) -> None:
    verify, held, good = VERIFY[secret], HELD[secret], signed(V1, V1A)
    assert verify(held, good, b"\xff\x00")
    assert not verify(held, good, b"\xff\x01")
    timestamp = str(int(good["webhook-timestamp"]) - 1)
    signature = good["webhook-signature"]
    for bad in (
        {**good, "webhook-id": "msg_2"},
        {**good, "webhook-timestamp": timestamp},
        {**good, "webhook-timestamp": "soon"},
        {**good, "webhook-timestamp": ""},
        {**good, "webhook-signature": ""},
        {**good, "webhook-signature": signature.replace("v1,", "v2,").replace("v1a,", "v2a,")},
        {**good, "webhook-signature": "v1,é v1a,é v1a, v1a,===="},
        {},
    ):
        assert not verify(held, bad, b"\xff\x00")


@both_schemes
def test_what_is_old_or_from_another_key_does_not_verify(secret: str) -> None:
    verify, held = VERIFY[secret], HELD[secret]
    for minutes, verdict in ((-6, False), (-4, True), (4, True), (6, False)):
        sent = signed(secret, now=datetime.now(UTC) + timedelta(minutes=minutes))
        assert verify(held, sent, b"\xff\x00") is verdict
    other = [new_secret(scheme, lambda count: b"\x09" * count) for scheme in Scheme]
    assert not verify(held, signed(*other), b"\xff\x00")


def test_a_repetition_is_taken_once() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE taken (id TEXT PRIMARY KEY)")
        database.execute("CREATE TABLE inbox (body BLOB)")
        take = NAMES["take"]
        taken = [take(database, *one) for one in (("msg_1", b"a"), ("msg_1", b"a"), ("msg_2", b"b"))]
        assert taken == [True, False, True]
        assert database.execute("SELECT body FROM inbox").fetchall() == [(b"a",), (b"b",)]


def in_words(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    for size, unit, least in ((86400, "d", 1), (3600, "h", 1), (60, "min", 2)):
        if seconds >= least * size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def test_its_figures_are_those_of_the_catalog() -> None:
    catalog = load_catalog(Path("infra/terraform/queues.yaml"))
    for name in ("developer-webhooks", "developer-webhooks-realtime"):
        policy = catalog.get(name).delivery
        waits = ", ".join(map(in_words, policy.schedule))
        assert f"| {policy.max_attempts} | {waits} | {in_words(policy.age_limit)} |" in GUIDE
        assert policy.jitter == 0.2
        assert in_words(policy.deadline) in GUIDE
        assert policy.disable_after is not None
        assert f"fails for {policy.disable_after.days} days is disabled" in GUIDE.replace("\n", " ")
        assert policy.slow_after is not None
        assert f"takes longer than {in_words(policy.slow_after)} to answer" in GUIDE
        hours = policy.disable_after * NOTICE // timedelta(hours=1)
        assert f"within the {hours} hours after" in GUIDE.replace("\n", " ")
    assert f"at {', '.join(map(str, sorted(LEVELS)[:-1]))} and {max(LEVELS)} % of it" in GUIDE
    assert (timedelta(seconds=1), timedelta(days=1), timedelta(hours=24)) == (
        INSTANT,
        MAX_RETRY_AFTER,
        OVERLAP,
    )
    assert f"{WEBHOOKS.max_body_bytes // 1000} kB" in GUIDE
