"""Lets in administrators alone, before anything of a request but its headers is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from handlers.admin.means import Admin
from handlers.errors import CallerRefused


async def means(request: Request) -> Admin:
    """What the routes work with."""
    admin: Admin = request.app.state.opened.admin
    return admin


Means = Annotated[Admin, Depends(means)]


class Guarded(APIRoute):
    """A route that asks who calls first: a dependency would be asked after the body was read and parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            admin = await means(request)
            try:
                await admin.callers.check(request.headers.get("authorization"))
            except CallerRefused as error:
                admin.telemetry.refused_callers.labels(status=error.status, reason=error.reason).inc()
                raise
            return await handle(request)

        return guarded
