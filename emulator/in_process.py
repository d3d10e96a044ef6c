"""Carries calls of Google's generated async clients to services of the same process; no socket, no gRPC core.

A request is serialised and read again as on the wire, so that caller and service share no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc
import grpc.aio
from grpc.aio import AioRpcError, Metadata

from emulator.grpc_api import Service
from emulator.in_process_stream import InProcessStream

Metadatum = tuple[str, str | bytes]


class InProcessChannel(grpc.aio.Channel):
    """Give it to the transport of a generated async client, on the loop that made the channel."""

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
        return self._callable(_UnaryUnary, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return self._callable(_StreamStream, method, request_serializer, response_deserializer)

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{method}: no method of these APIs is a stream of one side alone")

    stream_unary = unary_stream

    def _callable(
        self,
        kind: type[_Callable],
        method: str,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
    ) -> _Callable:
        return kind(method, self._handler(method), serialize, deserialize, self._loop)

    def _handler(self, method: str) -> grpc.RpcMethodHandler[Any, Any] | None:
        details = _CallDetails(method)
        found = (handler for service in self._services if (handler := service.service(details)) is not None)
        return next(found, None)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002 - it is connected
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        if last_observed_state is grpc.ChannelConnectivity.READY:
            await asyncio.Event().wait()  # it stays ready

    async def channel_ready(self) -> None:
        return

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002 - there is no connection
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
    """What a method may ask of its call: to end it with a status, its metadata, and to write to a stream."""

    def __init__(
        self, metadata: Sequence[Metadatum], write: Callable[[Any], Awaitable[None]] | None = None
    ) -> None:
        self._metadata = tuple(metadata)
        if write is not None:
            self.write = write

    def invocation_metadata(self) -> Sequence[Metadatum]:
        return self._metadata

    async def send_initial_metadata(self, metadata: Sequence[Metadatum]) -> None:
        """Nobody reads it here."""

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[Metadatum] = ()
    ) -> NoReturn:
        raise _failed(code, details, trailing_metadata)


class _Callable:
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

    def _found(self) -> grpc.RpcMethodHandler[Any, Any]:
        """Raises RuntimeError on another loop, and AioRpcError (UNIMPLEMENTED)."""
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "the emulator runs on another event loop than this call: open it, make its clients and call "
                "them on one loop (with pytest-asyncio: give tests and fixtures the same loop scope)"
            )
        if self._handler is None:
            raise _failed(grpc.StatusCode.UNIMPLEMENTED, f"{self._method} is not served in process")
        return self._handler


class _UnaryUnary(_Callable):
    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = (), **_: Any
    ) -> _UnaryCall:
        return _UnaryCall(self._run(request, timeout, metadata or ()))

    async def _run(self, request: Any, timeout: float | None, metadata: Sequence[Metadatum]) -> Any:
        handler = self._found()
        read = handler.request_deserializer or _as_it_is
        write = handler.response_serializer or _as_it_is
        function: Any = handler.unary_unary
        try:
            async with asyncio.timeout(timeout):
                response = await function(read(self._serialize(request)), _Context(metadata))
        except TimeoutError:
            raise _failed(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        return self._deserialize(write(response))


class _StreamStream(_Callable, grpc.aio.StreamStreamMultiCallable[Any, Any]):
    def __call__(  # type: ignore[override]  # the call is ours, with what generated clients use of one
        self,
        request_iterator: AsyncIterator[Any],
        timeout: float | None = None,
        metadata: Any = (),
        **_: Any,
    ) -> InProcessStream:
        handler = self._found()
        read = handler.request_deserializer or _as_it_is
        encode = handler.response_serializer or _as_it_is
        function: Any = handler.stream_stream

        async def serve(requests: AsyncIterator[Any], write: Callable[[Any], Awaitable[None]]) -> None:
            context = _Context(metadata or (), lambda response: write(self._deserialize(encode(response))))
            try:
                async with asyncio.timeout(timeout):
                    await function((read(self._serialize(each)) async for each in requests), context)
            except TimeoutError:
                raise _failed(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None

        return InProcessStream(serve, request_iterator)


class _UnaryCall:
    """A call that begins when it is awaited, which a generated client does at once."""

    __slots__ = ("_running",)

    def __init__(self, running: Coroutine[Any, Any, Any]) -> None:
        self._running = running

    def __await__(self) -> Generator[Any, None, Any]:
        return self._running.__await__()


def _as_it_is(value: Any) -> Any:
    return value


def _failed(code: grpc.StatusCode, details: str, trailing_metadata: Sequence[Metadatum] = ()) -> AioRpcError:
    """What a client of gRPC sees of a call that failed."""
    return AioRpcError(code, Metadata(), Metadata(*trailing_metadata), details=details)
