"""Fires malformed, mutated and random requests at every call over gRPC, and judges how each ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from hypothesis import strategies as st

from tests.emulator.fuzz.drawing import each_drawn
from tests.emulator.fuzz.ground import Ground, Violation
from tests.emulator.fuzz.messages import messages
from tests.emulator.fuzz.served import STREAMING_PULL, Call, calls_of_pubsub, calls_of_tasks
from tests.emulator.fuzz.wire import NOISE, broken

_ANSWERS = frozenset(
    {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
"""What the API answers to whatever request; INTERNAL and UNKNOWN are defects."""
_STREAM_OPEN = 0.02
"""Seconds after which a stream that has not ended is taken for one that serves, and cancelled."""

Case = tuple[Call, list[bytes]]
"""A call, and the bytes of its request: those of several for a stream."""


async def fuzz_grpc(ground: Ground, cases: int, *, seed: int | None = None) -> None:
    """Fire `cases` requests; what goes wrong is in the ground's findings. Without a seed always the same."""
    addresses = ground.emulator.addresses
    async with (
        grpc.aio.insecure_channel(addresses.tasks) as tasks,
        grpc.aio.insecure_channel(addresses.pubsub) as pubsub,
    ):
        channels = {
            call: channel
            for channel, calls in (
                (tasks, calls_of_tasks(ground.emulator)),
                (pubsub, calls_of_pubsub(ground.emulator)),
            )
            for call in calls
        }

        async def fire(case: Case) -> None:
            call, requests = case
            await _fire(ground, channels[call], call, requests)

        await each_drawn(_cases(list(channels)), fire, count=cases, seed=seed)


def _cases(calls: Sequence[Call]) -> st.SearchStrategy[Case]:
    by_call = {call: _requests(call) for call in calls}
    return st.sampled_from(list(calls)).flatmap(lambda call: st.tuples(st.just(call), by_call[call]))


def _requests(call: Call) -> st.SearchStrategy[list[bytes]]:
    valid = messages(call.request).map(lambda message: message.SerializeToString())
    mutated = broken(valid)
    request = st.sampled_from([valid, valid, valid, valid, mutated, mutated, NOISE]).flatmap(lambda kind: kind)
    most = 4 if call.path == STREAMING_PULL else 1
    return st.lists(request, min_size=1, max_size=most)


async def _fire(ground: Ground, channel: grpc.aio.Channel, call: Call, requests: list[bytes]) -> None:
    code, what = grpc.StatusCode.OK, ""
    try:
        if call.path == STREAMING_PULL:
            answers = await ground.answer_to(_stream(channel, call.path, requests))
        else:
            answers = [await ground.answer_to(channel.unary_unary(call.path)(requests[0]))]
        for answer in answers:
            call.response.FromString(answer)
    except grpc.aio.AioRpcError as error:
        code = error.code()
        if code not in _ANSWERS or not error.details():
            what = f"{call.path} answered {code.name}: {error.details()}"
    except DecodeError as error:
        what = f"{call.path} answered no {call.response.DESCRIPTOR.full_name}: {error}"
    except TimeoutError as error:
        what = f"{call.path}: {error}"
    if what:
        case = f"{call.path} {' '.join(request[:1000].hex() or '-' for request in requests)}"
        ground.findings.violations.append(Violation(what, case))
    await ground.ended(call.path, code.name)


async def _stream(channel: grpc.aio.Channel, path: str, requests: list[bytes]) -> list[bytes]:
    """The responses of a stream that ended, or in a moment of one that stays open. Raises AioRpcError."""
    stream: Any = channel.stream_stream(path)(_as_stream(requests))
    responses: list[bytes] = []
    try:
        async with asyncio.timeout(_STREAM_OPEN):
            responses.extend([response async for response in stream])
    except TimeoutError:
        stream.cancel()
    return responses


async def _as_stream(requests: list[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
