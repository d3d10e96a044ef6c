"""What of the service may be reached by whom: nothing without a token, but for health and metrics."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from handlers.app import MAX_BODY
from tests.handlers.conftest import ADMIN, Note, Service
from tests.handlers.tokens import Issuer

OPEN = {"/healthz", "/metrics"}


def calls(service: Service) -> list[tuple[str, str]]:
    """Method and path of every route of the service, with something in the place of each parameter."""
    found: list[tuple[str, str]] = []
    for path, methods in service.app.openapi()["paths"].items():  # those of included routers among them
        found += [(method.upper(), path) for method in methods]
    for route in service.app.routes:
        if isinstance(route, Route):
            found += [(method, route.path) for method in route.methods or ()]
        else:
            assert hasattr(route, "original_router"), f"{route} is of a kind that this test does not know"
    return sorted({(method, re.sub(r"\{[^}]*\}", "x", path)) for method, path in found})


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {Issuer().token()}"}]
)
async def test_nothing_is_reached_without_a_token(service: Service, headers: dict[str, str]) -> None:
    refused = set()
    for method, path in calls(service):
        answer = await service.client.request(method, path, headers=headers, content=b"{no json")
        if path in OPEN:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"
            refused.add(path)
    assert {"/tasks/x", "/events/x", "/admin/queues", "/admin/dead-letters/x"} <= refused
    assert len([path for path in refused if path.startswith("/admin")]) == 17
    assert service.runs == []


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/", "/tasks", "/docs/oauth2-redirect"])
async def test_nothing_tells_of_the_service(service: Service, path: str) -> None:
    assert (await service.client.get(path)).status_code == 404


async def test_a_body_that_no_queue_carries_is_not_read_to_its_end(service: Service) -> None:
    answer = await service.post(b" " * (MAX_BODY + 1))
    assert answer.status_code == 413


async def test_a_request_replayed_by_somebody_does_nothing_again(service: Service) -> None:
    body = service.seal(Note(id="n1", realtime=False)).encode()
    token = service.issuer.token()
    words = [(await service.post(body, token=token)).json()["outcome"] for _ in range(3)]
    assert words == ["done", "already done", "already done"]
    assert len(service.runs) == 1


async def test_who_may_run_tasks_is_no_administrator_and_the_other_way_round(service: Service) -> None:
    tasks, admin = service.issuer.token(), service.issuer.token(email=ADMIN)
    for method, path in calls(service):
        if path.startswith("/admin"):
            answer = await service.client.request(
                method, path, headers={"Authorization": f"Bearer {tasks}"}, content=b"{}"
            )
            assert answer.status_code == 403, f"{method} {path} answered {answer.status_code}"
            assert answer.headers["content-type"] == "application/problem+json"
    body = service.seal(Note(id="n1", realtime=False)).encode()
    assert (await service.post(body, token=admin)).status_code == 403
    metrics = (await service.client.get("/metrics")).text
    assert 'sidelane_refused_callers_total{reason="email",status="403"}' in metrics
