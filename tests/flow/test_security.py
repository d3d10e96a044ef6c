"""Hostile addresses through the whole way, and secrets that leave no trace in anything that it produced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured
from emulator.engine.clock import SystemClock
from emulator.oidc import TokenIssuer
from stores import Endpoint, Key, OutcomeKind, SigningKey
from tests.flow.collector import Collector
from tests.flow.test_webhooks import settled
from tests.flow.world import SECRET, World, world
from tests.lanes.test_egress import INSIDE
from tests.receiver import Received, answering, receiver

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PRIVATE = "a walk in private"
SRE = "sre@example.com"
TOKEN = "t0ken-of-a-user"
EVENT = MemoryCreated(
    conversation=Conversation(id="c1", created_at=NOW, structured=Structured(title=PRIVATE))
)

ODD = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://user:password@example.com/",
    "http://example.com:22/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "http://[fe80::1%25eth0]/",
    "not a url",
]


def url_of(address: str) -> str:
    host = f"[{address}]" if isinstance(ip_address(address), IPv6Address) else address
    return f"http://{host}/hook?key={TOKEN}"


@asynccontextmanager
async def opened(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, **environment: str
) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
    ) as running:
        yield running


async def test_an_address_that_leads_inside_is_dead_at_once_on_the_whole_way(
    tmp_path: Path, catalog: Catalog, catalog_file: Path
) -> None:
    urls = [*map(url_of, INSIDE), *ODD]
    async with opened(tmp_path, catalog, catalog_file, SIDELANE_EGRESS_ALLOW="") as running:
        for number, url in enumerate([*urls, running.receiver.url]):
            await running.stores.directory.put_endpoint(
                Endpoint(uid=f"u{number}", kind=EVENT.kind, url=url, keys=(SigningKey(secret=SECRET),))
            )
        tasks = [DeveloperWebhook(uid=f"u{number}", event=EVENT) for number in range(len(urls) + 1)]
        receipts = list(await running.producer.enqueue_many(tasks))
        assert set(await settled(running, receipts)) == {OutcomeKind.DEAD}
        rows = [await running.row(Key(receipt.type, receipt.identity, 0)) for receipt in receipts]
        reasons = [row.outcome.reason if row and row.outcome else "none" for row in rows]
        named = zip([*urls, "the receiver"], reasons, strict=True)
        assert [(url, reason) for url, reason in named if reason != "blocked-address"] == []
        assert {row.position.attempt for row in rows if row} == {1}

        async def all_kept() -> bool:
            return len(await running.letters()) == len(receipts)

        await running.signal.until(all_kept)
        assert {kept.letter.reason for kept in (await running.letters()).values()} == {"blocked-address"}
        assert running.receiver.received == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_no_way_inside(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, status: int
) -> None:
    async with opened(tmp_path, catalog, catalog_file) as running:
        await running.register("u1", "/hook", [EVENT.kind])
        running.receiver.respond = answering(status, {"Location": running.receiver.url + "/inside"})
        receipt = await running.producer.enqueue(DeveloperWebhook(uid="u1", event=EVENT))
        assert await settled(running, [receipt]) == [OutcomeKind.DEAD]
        assert {got.path for got in running.receiver.received} == {"/hook"}


async def echo(got: Received) -> web.Response:
    """A receiver that says back whatever it was told, in the ways that our side might keep."""
    told = f"{got.path} {dict(got.query)} {dict(got.headers)} {got.body!r}"
    status = {"works": 200, "fails": 500, "gone": 410, "limits": 429}[got.query["uid"]]
    headers = {"X-Echo": got.headers["webhook-signature"], "Retry-After": TOKEN, "Location": TOKEN}
    return web.Response(status=status, text=told, headers=headers, reason=TOKEN)


async def test_no_secret_is_in_anything_that_a_flow_leaves_behind(
    tmp_path: Path, catalog: Catalog, catalog_file: Path
) -> None:
    collector = Collector()
    async with AsyncExitStack() as stack:
        collecting = await stack.enter_async_context(receiver(collector))
        running = await stack.enter_async_context(
            opened(
                tmp_path,
                catalog,
                catalog_file,
                SIDELANE_ADMIN_EMAILS=SRE,
                SIDELANE_JSON_LOGS="true",
                OTEL_EXPORTER_OTLP_ENDPOINT=collecting.url,
                OTEL_EXPORTER_OTLP_COMPRESSION="none",
                OTEL_BSP_SCHEDULE_DELAY="50",
            )
        )
        running.receiver.respond = echo
        urls = dict.fromkeys(("works", "fails", "gone", "limits"), f"{running.receiver.url}/hook/{TOKEN}")
        urls["refused"] = f"http://127.0.0.1:9/{TOKEN}"
        urls["blocked"] = f"http://10.0.0.1/{TOKEN}"
        urls["odd"] = f"http://user:{TOKEN}@example.com/"
        for uid, url in urls.items():
            await running.stores.directory.put_endpoint(
                Endpoint(
                    uid=uid, kind=EVENT.kind, url=f"{url}?key={TOKEN}", keys=(SigningKey(secret=SECRET),)
                )
            )
        bad_key = Endpoint(
            uid="bad-key", kind=EVENT.kind, url=urls["works"], keys=(SigningKey(secret=f"whsec_!{TOKEN}"),)
        )
        await running.stores.directory.put_endpoint(bad_key)
        uids = [*urls, "bad-key"]
        receipts = list(
            await running.producer.enqueue_many(DeveloperWebhook(uid=uid, event=EVENT) for uid in uids)
        )
        kinds = await settled(running, receipts)
        assert kinds.count(OutcomeKind.DONE) == 1

        async def all_buried() -> bool:
            return len(await running.letters()) == len(uids) - 1

        await running.signal.until(all_buried)
        buried = await running.letters()
        await collector.until("process developer-webhook", "POST")
        await running.emulator.pause(catalog)
        await running.producer.enqueue(DeveloperWebhook(uid="later", event=EVENT))
        names = await running.emulator.task_names("developer-webhooks")
        tasks = [await running.emulator.task(name) for name in names]
        admin = await token(tmp_path / "emulator" / "oidc-key.pem", audience=running.handlers.url)
        paths = ["dead-letters", "queues", *(f"dead-letters/{kept.letter.id}" for kept in buried.values())]
        answers = [await fetched(f"{running.handlers.url}/admin/{path}", admin) for path in paths]
        endpoints = await fetched(f"{running.handlers.url}/admin/endpoints", admin)
        metrics = await fetched(running.handlers.url + "/metrics")
        letters = [repr((kept, kept.letter.body)) for kept in buried.values()]
        rows = [await running.row(Key(receipt.type, receipt.identity, 0)) for receipt in receipts]
        log = await asyncio.to_thread((tmp_path / "handlers.log").read_text)
        signature = running.receiver.received[0].headers["webhook-signature"]

    told = {"log": log, "traces": collector.raw.decode("latin-1"), "metrics": metrics}
    kept = {"tasks": repr(tasks), "dead letters": "\n".join(letters), "ledger": repr(rows)}
    kept["admin API"] = "\n".join(answers)
    assert '"task": {"type": "developer-webhook"' in log
    assert tasks
    assert "process developer-webhook" in told["traces"]
    assert all(letter_id in kept["admin API"] for letter_id in (each.letter.id for each in buried.values()))
    keys = (SECRET, SECRET.removeprefix("whsec_"))
    secrets = (*keys, TOKEN, signature, "Bearer ey", admin)
    found = [(where, secret) for where, text in (told | kept).items() for secret in secrets if secret in text]
    assert found == []
    assert urls["works"] in endpoints
    assert [secret for secret in (*keys, f"whsec_!{TOKEN}") if secret in endpoints] == []
    assert [where for where, text in told.items() if PRIVATE in text] == []


async def token(key_file: Path, *, audience: str) -> str:
    """An administrator's."""
    issuer = TokenIssuer(key_file, clock=SystemClock())
    await issuer.open()
    return issuer.token(email=SRE, audience=audience)


async def fetched(url: str, bearer: str = "") -> str:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()
