"""What of the service may be reached by whom: nothing without a token, but for health and metrics."""

from __future__ import annotations

import pytest
from starlette.routing import Route

from handlers.app import MAX_BODY
from tests.handlers.conftest import Note, Service
from tests.handlers.tokens import Issuer

OPEN = {"/healthz", "/metrics"}


def calls(service: Service) -> list[tuple[str, str]]:
    """Method and path of every route of the service, with something in the place of each parameter."""
    found: list[tuple[str, str]] = []
    for route in service.app.routes:
        assert isinstance(route, Route), f"{route} is of a kind that this test does not know"
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "x").replace(f"{{{name}:path}}", "x")
        found += [(method, path) for method in sorted(route.methods or ())]
    return found


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {Issuer().token()}"}]
)
async def test_nothing_is_reached_without_a_token(service: Service, headers: dict[str, str]) -> None:
    refused = set()
    for method, path in calls(service):
        answer = await service.client.request(method, path, headers=headers, content=b"{}")
        if path in OPEN:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"
            refused.add(path)
    assert "/tasks/x" in refused
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
