"""The HTTP port: certificates, metrics, health, the console page, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from emulator import Addresses
from emulator.engine.clock import VirtualClock
from emulator.http import Table, create_app
from emulator.oidc import TokenIssuer

ADDRESSES = Addresses(tasks="127.0.0.1:8123", pubsub="127.0.0.1:8085", http="127.0.0.1:8124")


@dataclass(frozen=True)
class StoreStatistics:
    """What the store did."""

    pending: int
    written_total: int


class Emulator:
    """What the application shows, changeable by a test."""

    def __init__(self) -> None:
        self.store = StoreStatistics(pending=0, written_total=0)
        self.tables: Sequence[Table] = ()

    async def current_tables(self) -> Sequence[Table]:
        return self.tables


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An API that answers its path."""
    await PlainTextResponse(scope["path"])(scope, receive, send)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def issuer(tmp_path: Path) -> TokenIssuer:
    issuer = TokenIssuer(tmp_path / "key.pem", clock=VirtualClock())
    await issuer.open()
    return issuer


@pytest.fixture
async def client(emulator: Emulator, issuer: TokenIssuer) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        issuer=issuer,
        addresses=ADDRESSES,
        statistics={"store": lambda: emulator.store, "oidc": issuer.statistics},
        tables=emulator.current_tables,
        apis={"/v2": echo},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8124") as client:
        yield client


async def test_certificates_are_served_to_be_kept_a_while(
    client: httpx.AsyncClient, issuer: TokenIssuer
) -> None:
    pem = await client.get("/oauth2/v1/certs")
    jwks = await client.get("/oauth2/v3/certs")
    assert pem.json() == issuer.certificates()
    assert jwks.json() == issuer.jwks()
    for response in (pem, jwks):
        assert response.headers["cache-control"] == "public, max-age=3600"


async def test_health(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_metrics_are_the_statistics_of_the_moment(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.store = StoreStatistics(pending=3, written_total=17)

    response = await client.get("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert families["sidelane_emulator_store_pending"].type == "gauge"
    assert families["sidelane_emulator_store_pending"].samples[0].value == 3
    assert families["sidelane_emulator_store_written"].type == "counter"
    assert families["sidelane_emulator_store_written"].samples[0].value == 17
    assert families["sidelane_emulator_store_written"].documentation == "What the store did."
    assert families["sidelane_emulator_oidc_signed"].samples[0].value == 0
    assert response.headers["content-type"].startswith("text/plain")
    assert not [name for name in REGISTRY._names_to_collectors if name.startswith("sidelane_emulator")]


async def test_the_console_shows_addresses_and_tables(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.tables = (
        Table(title="Queues", columns=("queue", "waiting"), rows=(("projects/p/<b>&\"'", 12),)),
        Table(title="Subscriptions", columns=("subscription",), rows=()),
    )

    response = await client.get("/")

    page = response.text
    for address in ("127.0.0.1:8123", "127.0.0.1:8085", "127.0.0.1:8124"):
        assert address in page
    assert "<th>queue</th><th>waiting</th>" in page
    assert "<td>projects/p/&lt;b&gt;&amp;&quot;&#x27;</td><td>12</td>" in page
    assert "<h2>Subscriptions</h2><p>none</p>" in page
    assert "<script" not in page
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_an_api_is_served_under_its_path(client: httpx.AsyncClient) -> None:
    response = await client.post("/v2/projects/p:pause?a=b")
    assert (response.status_code, response.text) == (200, "/v2/projects/p:pause")


async def test_an_api_gets_paths_with_line_breaks_too(client: httpx.AsyncClient) -> None:
    response = await client.get("/v2/projects/a%0Ab")
    assert (response.status_code, response.text) == (200, "/v2/projects/a\nb")


async def test_other_paths_and_methods_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nothing")).status_code == 404
    assert (await client.post("/metrics")).status_code == 405
