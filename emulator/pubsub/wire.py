"""Lets a method on Google's typed messages answer those of the wire; it knows no call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from google.protobuf import empty_pb2

from emulator.grpc_api import Method, StreamMethod


def method(request_type: Any, function: Callable[[Any], Awaitable[Any]]) -> tuple[Any, Method]:
    """The entry of `grpc_api.Service` for `function`, whose None is answered as google.protobuf.Empty."""

    async def call(request: Any) -> Any:
        response = await function(request_type.wrap(request))
        return empty_pb2.Empty() if response is None else type(response).pb(response)

    return request_type.pb(), call


def stream(
    request_type: Any,
    function: Callable[[AsyncIterator[Any], Callable[[Any], Awaitable[None]]], Awaitable[None]],
) -> tuple[Any, StreamMethod]:
    """The entry of `grpc_api.Service` for a stream, from its requests and what writes a response."""

    async def call(requests: AsyncIterator[Any], write: Callable[[Any], Awaitable[None]]) -> None:
        async def wrapped() -> AsyncIterator[Any]:
            async for request in requests:
                yield request_type.wrap(request)

        await function(wrapped(), lambda response: write(type(response).pb(response)))

    return request_type.pb(), call
