"""Puts async functions behind a gRPC service, and words what is not served; it knows no API of its own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from emulator.errors import ApiError, InvalidArgumentError, StoreClosedError

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES = 1500

Method = Callable[..., Awaitable[Any]]
"""An async function from a request message to its response message. It raises ApiError to answer an error.

One whose REST route says so takes a keyword more: see `emulator.rest.Route`."""

Methods: TypeAlias = Mapping[str, tuple[Any, Method]]
"""The methods of one service: name to (protobuf class of the request, async function)."""

StreamMethod = Callable[[AsyncIterator[Any], Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""An async function from the requests of a stream, and what writes a response, to the stream's end.

Writing waits until the client has room. The function ends a stream with an error as a Method does.
"""

StreamMethods: TypeAlias = Mapping[str, tuple[Any, StreamMethod]]
"""The streaming methods of one service, as `Methods`."""


class Service(grpc.GenericRpcHandler):
    """Serves the given methods of one gRPC service; every other method of it answers UNIMPLEMENTED.

    Pass it to `grpc.aio.Server.add_generic_rpc_handlers`.
    """

    def __init__(self, name: str, methods: Methods, streams: StreamMethods | None = None) -> None:
        """`name` is the full service name (`google.cloud.tasks.v2.CloudTasks`)."""
        streams = streams or {}
        self._prefix = f"/{name}/"
        self._served = ", ".join([*methods, *streams]) or f"nothing of {name}"
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            f"/{name}/{method}": grpc.stream_stream_rpc_method_handler(
                _streaming(function, request_class), response_serializer=_serialize
            )
            for method, (request_class, function) in streams.items()
        } | {
            f"/{name}/{method}": grpc.unary_unary_rpc_method_handler(
                _answering(function, request_class), response_serializer=_serialize
            )
            for method, (request_class, function) in methods.items()
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        path = handler_call_details.method
        handler = self._handlers.get(path)
        if handler is None and path.startswith(self._prefix):
            return self._not_served(path.removeprefix(self._prefix))
        return handler

    def _not_served(self, method: str) -> grpc.RpcMethodHandler[Any, Any]:
        message = f"{method} is not served by the Sidelane emulator yet: it serves {self._served}."

        async def refuse(_request: Empty) -> NoReturn:
            raise ApiError(grpc.StatusCode.UNIMPLEMENTED, message)

        return grpc.unary_unary_rpc_method_handler(_answering(refuse, Empty))


def api_error_of(exc: Exception) -> ApiError:
    """What to answer to a call that raised `exc`. A defect of ours is logged, and INTERNAL."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, StoreClosedError):
        return ApiError(grpc.StatusCode.UNAVAILABLE, "The emulator is shutting down.")
    logger.error("a call failed by a defect of the emulator", exc_info=exc)
    return ApiError(
        grpc.StatusCode.INTERNAL, f"The emulator failed ({type(exc).__name__}); its log says why."
    )


def status_of(error: ApiError) -> status_pb2.Status:
    """The error as a message, for where an answer carries one."""
    status = status_pb2.Status(code=error.code.value[0], message=error.message)
    for detail in error.details:
        status.details.add().Pack(detail)
    return status


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _read(request_class: Any, request: bytes) -> Any:
    """The request message. Raises InvalidArgumentError; gRPC itself would answer INTERNAL."""
    try:
        return request_class.FromString(request)
    except DecodeError as exc:
        name = request_class.DESCRIPTOR.full_name
        raise InvalidArgumentError(f"The request is no valid {name}: send it as protobuf writes it.") from exc


async def _each_read(request_class: Any, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _read(request_class, request)


def _answering(
    method: Method, request_class: Any
) -> Callable[[bytes, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]:
    """Read the request, and translate what `method` raises to the status of the call."""

    async def answer(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(_read(request_class, request))
        except Exception as exc:
            error = api_error_of(exc)
        return await _abort(context, error)

    return answer


def _streaming(
    method: StreamMethod, request_class: Any
) -> Callable[[AsyncIterator[bytes], grpc.aio.ServicerContext[Any, Any]], Awaitable[None]]:
    async def answer(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.send_initial_metadata(())  # or an error after a write that was cancelled cannot be sent
        try:
            await method(_each_read(request_class, requests), context.write)
        except Exception as exc:
            error = api_error_of(exc)
        else:
            return
        await _abort(context, error)

    return answer


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: ApiError) -> NoReturn:
    shown = ApiError(error.code, _shortened(error.message), error.details)
    await context.abort(shown.code, shown.message, _rich_status(shown))


def _shortened(message: str) -> str:
    """It travels as a header, once escaped and once in the details, and clients refuse long ones (8 kB)."""
    written = message.encode()
    if len(written) <= _MAX_MESSAGE_BYTES:
        return message
    return written[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + " … (shortened)"


def _rich_status(error: ApiError) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata in which gRPC clients look for error details; empty without any."""
    if not error.details:
        return ()
    return (("grpc-status-details-bin", status_of(error).SerializeToString()),)
