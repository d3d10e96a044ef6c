"""Serves the HTTP port: certificates, metrics, health, a plain console page, and the APIs handed to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from emulator.addresses import Addresses
from emulator.oidc import TokenIssuer
from emulator.token_info import token_info

CERTIFICATES_MAX_AGE = 3600  # seconds; the key changes only with the data folder

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.5rem 0 2rem}"
    "th,td{border-bottom:1px solid #8886;padding:.2rem .8rem .2rem 0;text-align:left}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the console page. Each row has one cell for each of `columns`."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int]]


def create_app(
    *,
    issuer: TokenIssuer,
    addresses: Addresses,
    statistics: Mapping[str, Callable[[], Any]],
    tables: Callable[[], Awaitable[Sequence[Table]]],
    apis: Mapping[str, ASGIApp],
) -> Starlette:
    """The HTTP port's application.

    `statistics` names what `/metrics` shows: each callback returns a dataclass whose fields are numbers, and
    field `f` of the entry `n` becomes `sidelane_emulator_n_f` (a counter where `f` ends in `_total`, else a
    gauge). One that returns such dataclasses by queue shows gauges with the label `queue`. `tables` is
    awaited for each view of the console page. `apis` are served under their paths (`/v2`).
    """
    registry = CollectorRegistry()
    registry.register(_Statistics(statistics))

    async def certificates(_: Request) -> Response:
        return JSONResponse(issuer.certificates(), headers=_cached())

    async def jwks(_: Request) -> Response:
        return JSONResponse(issuer.jwks(), headers=_cached())

    async def tokeninfo(request: Request) -> Response:
        status, answer = token_info(request.query_params, issuer)
        return JSONResponse(answer, status_code=status)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def console(_: Request) -> Response:
        return HTMLResponse(
            _page(addresses, await tables()),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    routes: list[BaseRoute] = [
        Route("/oauth2/v1/certs", certificates),
        Route("/oauth2/v3/certs", jwks),
        Route("/tokeninfo", tokeninfo),
        Route("/oauth2/v3/tokeninfo", tokeninfo),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
        Route("/", console),
        *(_Api(path, api) for path, api in apis.items()),
    ]
    return Starlette(routes=routes)


class _Api(Mount):
    """An application under a path, for whatever follows there: starlette's own leaves out line breaks."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class _Statistics(Collector):
    """Reads the callbacks when Prometheus asks, so nothing is counted twice or kept in step."""

    def __init__(self, callbacks: Mapping[str, Callable[[], Any]]) -> None:
        self._callbacks = callbacks

    def collect(self) -> Iterable[Metric]:
        for name, callback in self._callbacks.items():
            statistics = callback()
            if isinstance(statistics, Mapping):
                yield from _by_queue(name, statistics)
                continue
            for field, value in asdict(statistics).items():
                family = CounterMetricFamily if field.endswith("_total") else GaugeMetricFamily
                yield family(f"sidelane_emulator_{name}_{field}", type(statistics).__doc__ or name, value)

    def describe(self) -> Iterable[Metric]:
        return ()  # names come from the values; without this, registering would call every callback


def _by_queue(name: str, statistics: Mapping[str, Any]) -> Iterable[Metric]:
    """One metric for each field, with a sample for each queue that has a value."""
    families: dict[str, Metric] = {}
    for queue, values in statistics.items():
        for field, value in asdict(values).items():
            metric = f"sidelane_emulator_{name}_{field}"
            family = families.setdefault(metric, Metric(metric, type(values).__doc__ or name, "gauge"))
            if value is not None:
                family.add_sample(metric, {"queue": queue}, value)
    return families.values()


def _cached() -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={CERTIFICATES_MAX_AGE}"}


def _page(addresses: Addresses, tables: Sequence[Table]) -> str:
    listening = Table(
        title="Addresses",
        columns=("service", "protocol", "address"),
        rows=(
            ("Cloud Tasks v2", "gRPC", addresses.tasks),
            ("Cloud Tasks v2", "REST", f"http://{addresses.http}/v2/"),
            ("Pub/Sub v1", "gRPC", addresses.pubsub),
            ("Pub/Sub v1", "REST", f"http://{addresses.http}/v1/"),
            ("certificates, metrics, this page", "HTTP", addresses.http),
        ),
    )
    body = "".join(_html(table) for table in (listening, *tables))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sidelane emulator</title>'
        f"<style>{_STYLE}</style><h1>Sidelane emulator</h1>"
        f"<p>Counts are those of the moment this page was made; reload it for newer ones.</p>{body}</html>"
    )


def _html(table: Table) -> str:
    if not table.rows:
        return f"<h2>{escape(table.title)}</h2><p>none</p>"
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>"
