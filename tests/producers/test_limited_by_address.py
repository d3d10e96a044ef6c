"""Whose address counts where nobody has signed in: the peer's, and on Cloud Run the one its front end saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import httpx
import pytest
from fastapi import Depends, FastAPI

from producers.dependencies import limited_by_address
from producers.problems import answer_problems
from producers.rate_limit import Group, RateLimit, RateLimiter

FORGED = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
OTHER = {"X-Forwarded-For": "198.51.100.2, 203.0.113.9"}
ELSEWHERE = {"X-Forwarded-For": "198.51.100.1, 203.0.113.10"}


@pytest.mark.parametrize(
    ("service", "second", "status"),
    [
        ("backend", OTHER, 429),
        ("backend", ELSEWHERE, 200),
        (None, ELSEWHERE, 429),
    ],
)
async def test_what_a_caller_writes_into_the_header_counts_for_nothing(
    service: str | None, second: Mapping[str, str], status: int
) -> None:
    app = FastAPI()
    answer_problems(app)
    app.state.settings = SimpleNamespace(cloud_run_service=service)
    app.state.rate_limiter = RateLimiter({Group.SIGN_IN: RateLimit(per_second=0.01, burst=1)})

    @app.get("/", dependencies=[Depends(limited_by_address(Group.SIGN_IN))])
    async def route() -> None: ...

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as client:
        assert (await client.get("/", headers=FORGED)).status_code == 200
        assert (await client.get("/", headers=second)).status_code == status
