"""The OpenAPI document says all that the routes answer: walked as a document, and held against the routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.core.transport import Response

from producers.app import create_app
from producers.openapi import PROBLEM
from producers.rate_limit import Group, RateLimit
from tests.third_parties.backend import settings_for
from tests.third_parties.identity import Identity

ADA = {"X-Sidelane-Uid": "ada"}
NO_USER = ("/v1/auth/",)
EXAMPLES = 6
"""For each operation: seconds in all."""


@pytest.fixture
def document(identity: Identity, tmp_path: Path) -> dict[str, Any]:
    return create_app(settings_for("http://127.0.0.1:1", tmp_path, identity)).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_answer_is_declared_in_its_shape(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        good = [status for status in operation["responses"] if status < "400"]
        assert good, name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert "X-Request-Id" in response["headers"], (name, status)
            if status < "400":
                continue
            schema = response["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": PROBLEM}, (name, status)
            assert response["content"].keys() == {"application/problem+json"}, (name, status)
            assert ("Retry-After" in response["headers"]) == (status in {"429", "502", "503", "504"}), name


def test_every_route_says_who_may_call(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["firebase"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for name, operation in operations(document):
        is_open = name.partition(" ")[2].startswith(NO_USER)
        assert operation.get("security", []) == ([] if is_open else [{"firebase": []}]), name
        needed = {"422", "429", "500"} if is_open else {"401", "403", "422", "429", "500"}
        assert needed <= operation["responses"].keys(), name


Send = Callable[[httpx.Request], httpx.Response]


def probe(operation: Any, send: Send) -> Iterator[int]:
    """Statuses of what is made from one operation of the document, each checked against it."""
    declared = operation.definition.raw["responses"]
    answered = []

    @seed(1)
    @given(case=one_of(operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE)))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def told(case: Any) -> None:
        made = requests.Request(**case.as_transport_kwargs(base_url="http://backend")).prepare()
        assume(len(str(made.url)) < 65_536)  # which is what httpx sends at most
        headers: Any = {
            name: value for name, value in made.headers.items() if name.lower() != "authorization"
        }
        body: Any = made.body.encode() if isinstance(made.body, str) else made.body
        sent = httpx.Request(str(made.method), str(made.url), headers={**headers, **ADA}, content=body)
        answer = send(sent)
        answered.append(answer.status_code)
        assert answer.status_code != 500, answer.text
        assert answer.headers["x-request-id"]
        assert str(answer.status_code) in declared, (operation.label, answer.status_code, answer.text)
        operation.validate_response(Response.from_any(answer))

    told()
    yield from answered


@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_what_is_answered_is_declared(identity: Identity, tmp_path: Path) -> None:
    """Right requests and wrong ones, made from the document, while third parties refuse connections."""
    often = {group: RateLimit(per_second=1000, burst=100_000) for group in Group}
    app = create_app(settings_for("http://127.0.0.1:1", tmp_path, identity, rate_limits=often))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False))
    answered: set[int] = set()
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            for found in schemathesis.openapi.from_dict(app.openapi()).get_all_operations():
                answered.update(probe(found.ok(), lambda sent: runner.run(client.send(sent))))  # type: ignore[union-attr]
        finally:
            runner.run(client.aclose())
            runner.run(lifespan.__aexit__(None, None, None))
    assert {422, 502, 503} <= answered
