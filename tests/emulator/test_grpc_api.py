"""What a call answers when something fails that is not the caller's fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.empty_pb2 import Empty

from emulator.errors import ApiError, StoreClosedError
from emulator.grpc_api import Service

Write = Callable[[Empty], Awaitable[None]]


async def fine(_: Empty) -> Empty:
    return Empty()


async def broken(_: Empty) -> Empty:
    raise KeyError("a defect")


async def closing(_: Empty) -> Empty:
    raise StoreClosedError


async def refusing(_: Empty) -> Empty:
    raise ApiError(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")


async def wordy(_: Empty) -> Empty:
    raise ApiError(grpc.StatusCode.NOT_FOUND, "é" * 50_000, [Empty()])


async def echo(requests: AsyncIterator[Empty], write: Write) -> None:
    async for request in requests:
        await write(request)


async def ending(requests: AsyncIterator[Empty], write: Write) -> None:
    async for request in requests:
        await write(request)
        raise ApiError(grpc.StatusCode.NOT_FOUND, "gone")


async def leaving(_: AsyncIterator[Empty], write: Write) -> None:
    """Gives up in the middle of its first response."""
    response = asyncio.ensure_future(write(Empty()))
    await asyncio.sleep(0)
    response.cancel()
    raise ApiError(grpc.StatusCode.ABORTED, "changed its mind")


async def breaking(_: AsyncIterator[Empty], __: Write) -> None:
    raise KeyError("a defect")


STREAMS = {"Echo": echo, "Ending": ending, "Breaking": breaking, "Leaving": leaving}
METHODS = {"Fine": fine, "Broken": broken, "Closing": closing, "Refusing": refusing, "Wordy": wordy}


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    served = Service(
        "test.Things",
        {name: (Empty, method) for name, method in METHODS.items()},
        {name: (Empty, method) for name, method in STREAMS.items()},
    )
    server.add_generic_rpc_handlers((served, Service("test.Nothing", {})))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(grace=None)


async def call(channel: grpc.aio.Channel, path: str) -> tuple[grpc.StatusCode, str]:
    method = channel.unary_unary(
        path, request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
    )
    try:
        await method(Empty())
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


async def test_errors_become_statuses(channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture) -> None:
    assert await call(channel, "/test.Things/Fine") == (grpc.StatusCode.OK, "")
    assert await call(channel, "/test.Things/Refusing") == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")
    assert await call(channel, "/test.Things/Closing") == (
        grpc.StatusCode.UNAVAILABLE,
        "The emulator is shutting down.",
    )
    with caplog.at_level(logging.ERROR):
        assert await call(channel, "/test.Things/Broken") == (
            grpc.StatusCode.INTERNAL,
            "The emulator failed (KeyError); its log says why.",
        )
    assert "a defect" in caplog.text


async def test_a_method_that_is_not_served_says_what_is(channel: grpc.aio.Channel) -> None:
    assert await call(channel, "/test.Things/Fly") == (
        grpc.StatusCode.UNIMPLEMENTED,
        "Fly is not served by the Sidelane emulator yet: it serves Fine, Broken, Closing, Refusing, Wordy, "
        "Echo, Ending, Breaking, Leaving.",
    )
    assert await call(channel, "/test.Nothing/Fly") == (
        grpc.StatusCode.UNIMPLEMENTED,
        "Fly is not served by the Sidelane emulator yet: it serves nothing of test.Nothing.",
    )


async def stream(channel: grpc.aio.Channel, path: str, count: int) -> tuple[int, grpc.StatusCode, str]:
    """Send so many requests and close. How many responses came, and how the stream ended."""
    method = channel.stream_stream(
        path, request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
    )
    answered = 0
    call = method(iter([Empty()] * count))
    try:
        async for _ in call:
            answered += 1
    except grpc.aio.AioRpcError as error:
        return answered, error.code(), error.details() or ""
    return answered, grpc.StatusCode.OK, ""


async def test_a_stream_answers_until_it_ends(
    channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    assert await stream(channel, "/test.Things/Echo", 5) == (5, grpc.StatusCode.OK, "")
    assert await stream(channel, "/test.Things/Ending", 1) == (1, grpc.StatusCode.NOT_FOUND, "gone")
    with caplog.at_level(logging.ERROR):
        assert await stream(channel, "/test.Things/Breaking", 1) == (
            0,
            grpc.StatusCode.INTERNAL,
            "The emulator failed (KeyError); its log says why.",
        )
    assert "a defect" in caplog.text


UNREADABLE = "The request is no valid google.protobuf.Empty: send it as protobuf writes it."


@pytest.mark.parametrize("request_bytes", [b"\x0a\x7fcut off", b"\x0f", b"\xff" * 11])
async def test_a_request_that_is_no_message_is_invalid(
    channel: grpc.aio.Channel, request_bytes: bytes
) -> None:
    method: Any = channel.unary_unary("/test.Things/Fine")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(request_bytes)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, UNREADABLE)


async def test_a_request_in_a_stream_that_is_no_message_is_invalid(channel: grpc.aio.Channel) -> None:
    method: Any = channel.stream_stream("/test.Things/Echo")
    stream = method(iter([b"", b"\x0f"]))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [response async for response in stream]
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, UNREADABLE)


async def test_a_long_message_reaches_the_client_shortened(channel: grpc.aio.Channel) -> None:
    code, message = await call(channel, "/test.Things/Wordy")
    assert code is grpc.StatusCode.NOT_FOUND
    assert message == "é" * 750 + " … (shortened)"


async def test_a_stream_ends_with_its_error_though_a_response_was_cancelled(
    channel: grpc.aio.Channel,
) -> None:
    method: Any = channel.stream_stream("/test.Things/Leaving")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [response async for response in method(iter([b""]))]
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.ABORTED, "changed its mind")
