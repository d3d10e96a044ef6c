"""Serves /emulator/v1/: reads a request, calls the part that does it, writes the answer; no more.

GET    /queues                       every queue, its state and QueueStats
GET    /{queue}/stats                one queue's QueueStats
GET    /{task}/attempts              a task's attempts
GET    /dead?queue=&pageSize=&pageToken=
POST   /{task}:requeue, :discard     a dead task
POST   /drain?timeout=               waits until idle; 504 where it is not
GET    /clock                        POST /clock:advance {"seconds": 60}
GET    /faults                       PUT, DELETE /faults, /faults/crash, /faults/{queue or subscription}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.control import worded
from emulator.drain import Drain
from emulator.engine.clock import AdjustableClock, Clock, VirtualClock
from emulator.engine.faults import Crash, Faults
from emulator.errors import ApiError, InvalidArgumentError, NotIdleError, RestError
from emulator.fault_switches import FaultSwitches
from emulator.grpc_api import api_error_of
from emulator.rest.answer import answer, error_answer
from emulator.rest.body import read_body
from emulator.rest.under_way import CallsUnderWay
from emulator.tasks import TasksService

MAX_TIMEOUT = 3600.0
"""Seconds that a drain may wait."""
DEFAULT_TIMEOUT = 30.0
MAX_PAGE = 1000
_MAX_BODY = 65_536

Call: TypeAlias = Callable[[Request], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Advance:
    """The body of clock:advance."""

    seconds: float = 0.0


class ControlApi:
    """The calls of /emulator/v1/. Each answers a JSON object, or raises ApiError or RestError."""

    def __init__(self, *, tasks: TasksService, faults: FaultSwitches, clock: Clock, drain: Drain) -> None:
        self._tasks = tasks
        self._faults = faults
        self._clock = clock
        self._drain = drain
        self._calls = CallsUnderWay()

    async def aclose(self) -> None:
        """Drains that wait have a second to end. Close before the server does."""
        await self._calls.aclose()

    def app(self) -> Starlette:
        """To be mounted at /emulator/v1."""
        return Starlette(
            routes=[
                _route("GET", "/queues", self.queues),
                _route("GET", "/dead", self.dead),
                _route("POST", "/drain", self.drain),
                _route("GET", "/clock", self.clock),
                _route("POST", "/clock:advance", self.advance),
                _route("GET", "/faults", self.faults),
                _route("PUT", "/faults", self.set_faults),
                _route("DELETE", "/faults", self.clear_faults),
                _route("PUT", "/faults/crash", self.set_crash),
                _route("DELETE", "/faults/crash", self.clear_crash),
                _route("PUT", "/faults/{name:path}", self.set_faults),
                _route("DELETE", "/faults/{name:path}", self.clear_faults),
                _route("GET", "/{name:path}/stats", self.stats),
                _route("GET", "/{name:path}/attempts", self.attempts),
                _route("POST", "/{name:path}:requeue", self.requeue),
                _route("POST", "/{name:path}:discard", self.discard),
                Route("/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    async def queues(self, _: Request) -> Mapping[str, Any]:
        return {
            "queues": [
                {
                    "name": queue.name,
                    "state": "PAUSED" if queue.paused else "RUNNING",
                    "stats": worded.queue_stats(self._tasks.queue_stats(queue.name)),
                }
                for queue in self._tasks.queues()
            ]
        }

    async def stats(self, request: Request) -> Mapping[str, Any]:
        return worded.queue_stats(self._tasks.queue_stats(request.path_params["name"]))

    async def attempts(self, request: Request) -> Mapping[str, Any]:
        records = await self._tasks.attempts(request.path_params["name"])
        return {"attempts": [worded.attempt(record) for record in records]}

    async def dead(self, request: Request) -> Mapping[str, Any]:
        query = request.query_params
        size = int(_number(query.get("pageSize", "0"), "pageSize", least=0, most=MAX_PAGE)) or 100
        after = query.get("pageToken", "0")
        if not after.isdecimal() or len(after) > 18:
            raise InvalidArgumentError("The page token is invalid: pass nextPageToken as a call answered it.")
        found = await self._tasks.dead(query.get("queue"), after=int(after), limit=size + 1)
        page: dict[str, Any] = {"tasks": [worded.dead_task(dead) for dead in found[:size]]}
        return page if len(found) <= size else {**page, "nextPageToken": str(found[size - 1].key)}

    async def requeue(self, request: Request) -> Mapping[str, Any]:
        await self._tasks.requeue(request.path_params["name"])
        return {}

    async def discard(self, request: Request) -> Mapping[str, Any]:
        await self._tasks.discard_dead(request.path_params["name"])
        return {}

    async def drain(self, request: Request) -> Mapping[str, Any]:
        given = request.query_params.get("timeout", str(DEFAULT_TIMEOUT))
        timeout = _number(given, "timeout", least=0, most=MAX_TIMEOUT)
        await _body(request)
        try:
            await self._calls.run(request, lambda: self._drain.wait(timeout))
        except NotIdleError as exc:
            raise ApiError(grpc.StatusCode.DEADLINE_EXCEEDED, f"{exc}.") from exc
        return {}

    async def clock(self, _: Request) -> Mapping[str, Any]:
        ahead = self._clock.ahead if isinstance(self._clock, AdjustableClock) else 0.0
        return {"now": worded.moment(self._clock.now()), "aheadSeconds": ahead}

    async def advance(self, request: Request) -> Mapping[str, Any]:
        seconds = worded.read_object(await _body(request), Advance).seconds
        if not isinstance(self._clock, AdjustableClock | VirtualClock):
            raise ApiError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "This emulator's clock cannot be moved: open it with clock=AdjustableClock().",
            )
        if not 0 <= seconds <= 10 * 365 * 86_400:
            raise InvalidArgumentError(f"seconds must be from 0 to ten years, not {seconds}.")
        self._clock.advance(seconds)
        return await self.clock(request)

    async def faults(self, _: Request) -> Mapping[str, Any]:
        return worded.fault_plan(self._faults.plan)

    async def set_faults(self, request: Request) -> Mapping[str, Any]:
        faults = worded.read_object(await _body(request), Faults)
        name = request.path_params.get("name")
        if name is not None and "/queues/" not in name and "/subscriptions/" not in name:
            raise InvalidArgumentError(
                f"Faults are of a queue or a subscription, given by its full name, not of {name!r:.200}."
            )
        try:
            self._faults.set(faults, name)
        except ValueError as exc:
            raise ApiError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{exc}.") from exc
        return worded.fault_plan(self._faults.plan)

    async def clear_faults(self, request: Request) -> Mapping[str, Any]:
        self._faults.clear(request.path_params.get("name"))
        return worded.fault_plan(self._faults.plan)

    async def set_crash(self, request: Request) -> Mapping[str, Any]:
        self._faults.set_crash(worded.read_object(await _body(request), Crash))
        return worded.fault_plan(self._faults.plan)

    async def clear_crash(self, _: Request) -> Mapping[str, Any]:
        self._faults.set_crash(None)
        return worded.fault_plan(self._faults.plan)


def _route(verb: str, path: str, call: Call) -> Route:
    async def respond(request: Request) -> Response:
        try:
            return answer(await call(request))
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except RestError as exc:
            return error_answer(exc)
        except Exception as exc:
            return error_answer(api_error_of(exc))

    return Route(path, respond, methods=[verb])


async def _unknown(request: Request) -> Response:
    return error_answer(
        RestError(
            404,
            "NOT_FOUND",
            f"There is no {request.method} {request.url.path}: docs/EMULATOR.md names every call.",
        )
    )


async def _body(request: Request) -> bytes:
    return await read_body(request, limit=_MAX_BODY)


def _number(text: str, name: str, *, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise InvalidArgumentError(f"{name} must be a number from {least:g} to {most:g}, not {text!r:.100}.")
    return number
