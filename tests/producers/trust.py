"""Lets a test's application trust whoever calls, as a developer's machine may."""

from __future__ import annotations

from fastapi import FastAPI

from lanes import AUTH, HttpLane
from lanes.issuer_keys import IssuerKeys
from producers.rate_limit import RateLimiter
from producers.users import Users


def trust_callers(app: FastAPI) -> None:
    """Of an application that is built of single routers."""
    never_asked = IssuerKeys("http://127.0.0.1:1", HttpLane(AUTH), setting="")
    app.state.users = Users(never_asked, project="sidelane-local", trusts_callers=True)
    app.state.rate_limiter = RateLimiter()
