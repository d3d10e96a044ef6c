"""Fires malformed, mutated and random requests at every call over gRPC, and judges how each ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from hypothesis import strategies as st

from tests.emulator.fuzz.drawing import each_drawn
from tests.emulator.fuzz.ground import Ground, Violation
from tests.emulator.fuzz.messages import messages
from tests.emulator.fuzz.served import STREAMING_PULL, Call, calls_of_pubsub, calls_of_tasks
from tests.emulator.fuzz.texts import LATEST_ACK_ID
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
_PUBSUB_OPTIONS = [("grpc.max_metadata_size", 4 * 2**20)]
"""As Google's clients of Pub/Sub set it: errors of exactly-once delivery name each message."""
_STREAM_OPEN = 0.05
"""Seconds after which a stream that has not ended is taken for one that serves, and left."""

Case = tuple[Call, list[bytes]]
"""A call, and the bytes of its request: those of several for a stream."""


async def fuzz_grpc(ground: Ground, cases: int, *, seed: int | None = None) -> None:
    """Fire `cases` requests; what goes wrong is in the ground's findings. Without a seed always the same."""
    addresses = ground.emulator.addresses
    async with (
        grpc.aio.insecure_channel(addresses.tasks) as tasks,
        grpc.aio.insecure_channel(addresses.pubsub, _PUBSUB_OPTIONS) as pubsub,
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
    request = st.sampled_from([valid, valid, valid, valid, valid, mutated, mutated, NOISE]).flatmap(
        lambda kind: kind
    )
    most = 4 if call.path == STREAMING_PULL else 1
    return st.lists(request, min_size=1, max_size=most)


async def _fire(ground: Ground, channel: grpc.aio.Channel, call: Call, requests: list[bytes]) -> None:
    code, what = grpc.StatusCode.OK, ""
    requests = [_with_latest_ack_id(ground, call, request) for request in requests]
    try:
        if call.path == STREAMING_PULL:
            pubsub = ground.emulator.addresses.pubsub
            answers = await ground.answer_to(asyncio.to_thread(_stream, pubsub, requests))
        else:
            method: Any = channel.unary_unary(call.path)
            answers = [await ground.answer_to(method(requests[0]))]
        for answer in answers:
            response = call.response.FromString(answer)
            for received in getattr(response, "received_messages", ()):
                ground.latest_ack_id = received.ack_id
    except grpc.RpcError as error:
        code, details = error.code(), error.details()
        if code not in _ANSWERS or not details or "metadata size exceeds" in details:
            what = f"{call.path} answered {code.name}: {details}"
    except DecodeError as error:
        what = f"{call.path} answered no {call.response.DESCRIPTOR.full_name}: {error}"
    except TimeoutError as error:
        what = f"{call.path}: {error}"
    if what:
        case = f"{call.path} {' '.join(request[:1000].hex() or '-' for request in requests)}"
        ground.findings.violations.append(Violation(what, case))
    await ground.ended(call.path, code.name)


def _with_latest_ack_id(ground: Ground, call: Call, request: bytes) -> bytes:
    if LATEST_ACK_ID.encode() not in request:
        return request
    try:
        message = call.request.FromString(request)
    except DecodeError:
        return request
    for field in ("ack_ids", "modify_deadline_ack_ids"):
        ack_ids = getattr(message, field, [])
        for index, ack_id in enumerate(ack_ids):
            if ack_id == LATEST_ACK_ID:
                ack_ids[index] = ground.latest_ack_id
    return bytes(message.SerializeToString())


def _stream(address: str, requests: list[bytes]) -> list[bytes]:
    """The responses of a stream that ended, or in a moment of one that stays open. Raises grpc.RpcError.

    The blocking client: grpc.aio's says INTERNAL itself where a stream ends before all requests are sent.
    """
    responses: list[bytes] = []
    with grpc.insecure_channel(address) as channel:
        method: Any = channel.stream_stream(STREAMING_PULL)
        stream = method(iter(requests), timeout=_STREAM_OPEN)
        try:
            responses.extend(stream)
        except grpc.RpcError:
            if stream.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
    return responses
