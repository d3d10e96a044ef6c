"""A gRPC server in front of the emulator that answers some calls otherwise, or loses their answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio

Fault = Callable[[Callable[[], Awaitable[bytes]]], Awaitable[grpc.StatusCode]]
"""What happens to a call instead of its answer; it is given the real call to make."""


def answer(code: grpc.StatusCode) -> Fault:
    """Answer at once, and do nothing."""

    async def fault(_: Callable[[], Awaitable[bytes]]) -> grpc.StatusCode:
        return code

    return fault


async def lose_answer(forward: Callable[[], Awaitable[bytes]]) -> grpc.StatusCode:
    """The service does what it was asked, and the caller never learns it."""
    await forward()
    return grpc.StatusCode.UNAVAILABLE


@dataclass
class Front:
    """`faults` happen to the first calls, one each; what comes after reaches the emulator."""

    address: str = ""
    faults: list[Fault] = field(default_factory=list)
    calls: int = 0
    methods: list[str] = field(default_factory=list)
    """What was called, in order, without its package."""
    rewrite: Callable[[str, bytes], bytes] | None = None
    """Changes the answers of a method."""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `hold` once a call is under way."""
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, forward: Callable[[], Awaitable[bytes]]) -> grpc.StatusCode:
        """Keep the call waiting until released, and then lose its answer."""
        self.waiting.set()
        await self.release.wait()
        return await lose_answer(forward)


@asynccontextmanager
async def front(emulator: str) -> AsyncIterator[Front]:
    """Serve in front of the emulator at this address until the block ends."""
    state = Front()

    class Relay(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            forward: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(call.method)

            async def handle(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
                state.calls += 1
                method = call.method.rpartition("/")[2]
                state.methods.append(method)
                if state.faults:
                    code = await state.faults.pop(0)(lambda: forward(body))
                    await context.abort(code, "a fault of the test")
                try:
                    answered = await forward(body)
                    return state.rewrite(method, answered) if state.rewrite else answered
                except grpc.aio.AioRpcError as error:
                    await context.abort(error.code(), error.details() or "")

            return grpc.unary_unary_rpc_method_handler(handle)

    async with grpc.aio.insecure_channel(emulator) as channel:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Relay(),))
        state.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            yield state
        finally:
            await server.stop(None)
