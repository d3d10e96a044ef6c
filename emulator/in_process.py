"""Carries calls of Google's generated async clients to services of the same process; no socket, no gRPC core.

A request is serialised and read again as on the wire, so that caller and service share no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc
import grpc.aio
from grpc.aio import AioRpcError, Metadata

from emulator.grpc_api import Service

Metadatum = tuple[str, str | bytes]


class InProcessChannel(grpc.aio.Channel):
    """Give it to the transport of a generated async client. Unary calls only, on the loop that made it."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = tuple(services)
        self._loop = asyncio.get_running_loop()
        self._unary_unary_interceptors: list[object] = []
        """Generated transports append their logging to this attribute of a channel; nothing reads it."""

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        details = _CallDetails(method)
        found = (handler for service in self._services if (handler := service.service(details)) is not None)
        handler = next(found, None)
        return _UnaryUnary(method, handler, request_serializer, response_deserializer, self._loop)

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return _no_stream(method)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return _no_stream(method)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return _no_stream(method)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        if last_observed_state is grpc.ChannelConnectivity.READY:
            await asyncio.Event().wait()  # it stays ready

    async def channel_ready(self) -> None:
        return

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()


class _CallDetails(grpc.HandlerCallDetails):
    def __init__(self, method: str) -> None:
        self.method = method
        self.invocation_metadata = ()


class _Context:
    """What a unary method may ask of its call: to end it with a status, and the metadata it came with."""

    def __init__(self, metadata: Sequence[Metadatum]) -> None:
        self._metadata = tuple(metadata)

    def invocation_metadata(self) -> Sequence[Metadatum]:
        return self._metadata

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[Metadatum] = ()
    ) -> NoReturn:
        raise AioRpcError(code, Metadata(), Metadata(*trailing_metadata), details=details)


class _UnaryUnary:
    """One method, callable as often as wanted."""

    def __init__(
        self,
        method: str,
        handler: grpc.RpcMethodHandler[Any, Any] | None,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._method = method
        self._handler = handler
        self._serialize = serialize or _as_it_is
        self._deserialize = deserialize or _as_it_is
        self._loop = loop

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = (), **_: Any
    ) -> _UnaryCall:
        return _UnaryCall(self._run(request, timeout, metadata or ()))

    async def _run(self, request: Any, timeout: float | None, metadata: Sequence[Metadatum]) -> Any:
        handler = self._handler
        context = _Context(metadata)
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "the emulator runs on another event loop than this call: open it, make its clients and call "
                "them on one loop (with pytest-asyncio: give tests and fixtures the same loop scope)"
            )
        if handler is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{self._method} is not served in process")
        read = handler.request_deserializer or _as_it_is
        write = handler.response_serializer or _as_it_is
        function: Any = handler.unary_unary
        try:
            async with asyncio.timeout(timeout):
                response = await function(read(self._serialize(request)), context)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        return self._deserialize(write(response))


class _UnaryCall:
    """A call that begins when it is awaited, which a generated client does at once."""

    __slots__ = ("_running",)

    def __init__(self, running: Any) -> None:
        self._running = running

    def __await__(self) -> Generator[Any, None, Any]:
        return self._running.__await__()  # type: ignore[no-any-return]


def _as_it_is(value: Any) -> Any:
    return value


def _no_stream(method: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f"{method} is a stream: call it on the emulator's port, which serves it; in process there are "
            f"unary calls only"
        )

    return refuse
