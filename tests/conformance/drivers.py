"""Three ways to make a call: the generated gRPC client, the generated REST client, and plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests
from google.api_core import rest_helpers
from google.api_core.exceptions import GoogleAPICallError

from tests.conformance.calls import Call, find_call, json_of, message_of, transcoded


class CallFailed(Exception):
    """A call was answered with an error: `code` as google.rpc.Code names it, and the details' types."""

    def __init__(self, code: str, message: str, details: list[str]) -> None:
        super().__init__(f"{code}: {message}")
        self.error = {"code": code, "message": message, "details": details}


class Driver(Protocol):
    async def call(self, name: str, request: Any) -> Any:
        """What the call answered, as JSON. Raises CallFailed."""


@dataclass(frozen=True, slots=True)
class GrpcDriver:
    """`clients` are the generated asynchronous ones: tasks, publisher, subscriber."""

    clients: Mapping[str, Any]

    async def call(self, name: str, request: Any) -> Any:
        call = find_call(name)
        method = getattr(self.clients[call.service], call.name)
        try:
            return json_of(await method(message_of(call, request), **_once(call)))
        except GoogleAPICallError as exc:
            code = exc.grpc_status_code.name if exc.grpc_status_code else ""
            details = [detail.DESCRIPTOR.full_name for detail in exc.details]
            raise CallFailed(code, exc.message, details) from exc


@dataclass(frozen=True, slots=True)
class RestClientDriver:
    """`clients` are the generated synchronous ones on their REST transports."""

    clients: Mapping[str, Any]

    async def call(self, name: str, request: Any) -> Any:
        call = find_call(name)
        method = getattr(self.clients[call.service], call.name)
        try:
            message = message_of(call, request)
            return json_of(await asyncio.to_thread(lambda: method(message, **_once(call))))
        except GoogleAPICallError as exc:
            raise _failed(exc.response.json()) from exc


@dataclass(frozen=True, slots=True)
class HttpDriver:
    """Plain HTTP: `session` adds credentials where they are needed; `addresses` are base URLs."""

    addresses: Mapping[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    async def call(self, name: str, request: Any) -> Any:
        call = find_call(name)
        parts = transcoded(call, request)
        query = rest_helpers.flatten_query_params(parts.get("query_params") or {}, strict=True)
        return await self.send(
            parts["method"].upper(), parts["uri"], query=query, body=parts.get("body"), service=call.service
        )

    async def send(
        self, verb: str, path: str, *, query: Any = (), body: Any = None, service: str = "tasks"
    ) -> Any:
        """The JSON of an answer; a `body` that is a string is sent as it is. Raises CallFailed."""
        content = {"data": body.encode()} if isinstance(body, str) else {"json": body}
        url = self.addresses[service] + path
        response = await asyncio.to_thread(
            lambda: self.session.request(verb, url, params=query, timeout=30, **content)
        )
        if response.status_code >= 400:
            assert response.json()["error"]["code"] == response.status_code
            raise _failed(response.json())
        return response.json()


def _once(call: Call) -> dict[str, Any]:
    """Without the client's own retries, so that an error is told as it came."""
    return {"timeout": 20} if call.name == "get_operation" else {"timeout": 20, "retry": None}


def _failed(body: Any) -> CallFailed:
    error = body["error"]
    details = [detail["@type"].rpartition("/")[2] for detail in error.get("details", ())]
    return CallFailed(error["status"], error["message"], details)
