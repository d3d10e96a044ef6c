"""Lists the calls that an emulator serves, with the messages they take and return; it makes none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.iam.v1 import iam_policy_pb2_grpc
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from emulator import Emulator

STREAMING_PULL = "/google.pubsub.v1.Subscriber/StreamingPull"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method. `path` is that of gRPC; `request` and `response` are protobuf classes."""

    path: str
    request: Any
    response: Any

    @property
    def service(self) -> str:
        return self.path.split("/")[1]

    @property
    def method(self) -> str:
        """`google.cloud.tasks.v2.CloudTasks/PauseQueue`, as a table of routes has it."""
        return self.path.removeprefix("/")


def calls_of_tasks(emulator: Emulator) -> list[Call]:
    """On the port of Cloud Tasks."""
    return _calls(emulator.tasks.methods())


def calls_of_pubsub(emulator: Emulator) -> list[Call]:
    """On the port of Pub/Sub, StreamingPull included."""
    request, response = types.StreamingPullRequest.pb(), types.StreamingPullResponse.pb()
    return [*_calls(emulator.pubsub.methods()), Call(path=STREAMING_PULL, request=request, response=response)]


def _calls(methods: Mapping[str, Mapping[str, tuple[Any, Any]]]) -> list[Call]:
    return [
        Call(path=path, request=request, response=_responses()[path])
        for service, served in methods.items()
        for name, (request, _) in served.items()
        for path in (f"/{service}/{name}",)
    ]


@cache
def _responses() -> Mapping[str, Any]:
    """By path, as Google's generated clients read them."""
    channel = _Recording()
    for transport in (CloudTasksGrpcTransport, PublisherGrpcTransport, SubscriberGrpcTransport):
        client: Any = transport(channel=channel)
        client._logged_channel = channel  # which makes its callables when they are called alone
        client._stubs.clear()
        for name, member in inspect.getmembers(transport, lambda member: isinstance(member, property)):
            if member.fget is not None and name != "operations_client":
                getattr(client, name)  # makes the callable of the method
    iam_policy_pb2_grpc.IAMPolicyStub(channel)
    return channel.responses


class _Recording(grpc.Channel):
    """Asked for callables, it notes what they return. It carries nothing."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> Any:
        owner = response_deserializer.__self__
        self.responses[method] = owner.pb() if hasattr(owner, "pb") else owner
        return _carries_nothing

    stream_stream = unary_stream = stream_unary = unary_unary

    def subscribe(self, callback: Any, try_to_connect: bool | None = False) -> None:
        pass

    def unsubscribe(self, callback: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def __enter__(self) -> _Recording:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _carries_nothing(*_: Any, **__: Any) -> None:
    raise AssertionError("calls go to the emulator, not through here")
