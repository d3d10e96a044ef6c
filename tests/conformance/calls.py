"""The calls that rows name: Google's own request classes and URL templates of each; nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.api_core import path_template
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2.services.cloud_tasks.transports import rest_base as tasks_rest
from google.cloud.tasks_v2.types import cloudtasks
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import json_format
from google.pubsub_v1 import types as pubsub
from google.pubsub_v1.services.publisher.transports import rest_base as publisher_rest
from google.pubsub_v1.services.subscriber.transports import rest_base as subscriber_rest

_SOURCES: tuple[Any, ...] = (cloudtasks, iam_policy_pb2, locations_pb2, operations_pb2)
_RESOURCES = {"CreateTopic": pubsub.Topic, "CreateSubscription": pubsub.Subscription}
_CAPITAL = re.compile(r"(?<!^)([A-Z])")


@dataclass(frozen=True, slots=True)
class Call:
    """`service` is the client that has it: tasks, publisher or subscriber. `name` is the method there."""

    service: str
    name: str
    request_class: Any
    http_options: Any


def find_call(name: str) -> Call:
    """`CreateQueue`, or `pubsub.Publish`."""
    plain = name.removeprefix("pubsub.")
    method = _CAPITAL.sub(r"_\1", plain).lower()
    if plain == name:
        base: Any = tasks_rest._BaseCloudTasksRestTransport
        options = getattr(base, f"_Base{plain}")._get_http_options()
        source = next(source for source in _SOURCES if hasattr(source, f"{plain}Request"))
        return Call("tasks", method, getattr(source, f"{plain}Request"), options)
    bases: Mapping[str, Any] = {
        "publisher": publisher_rest._BasePublisherRestTransport,
        "subscriber": subscriber_rest._BaseSubscriberRestTransport,
    }
    service = next(service for service, base in bases.items() if hasattr(base, f"_Base{plain}"))
    options = getattr(bases[service], f"_Base{plain}")._get_http_options()
    request_class = _RESOURCES.get(plain) or getattr(pubsub, f"{plain}Request", None)
    return Call(service, method, request_class or getattr(iam_policy_pb2, f"{plain}Request"), options)


def message_of(call: Call, request: Any) -> Any:
    """The request as the clients take it."""
    if not hasattr(call.request_class, "pb"):
        return json_format.ParseDict(request, call.request_class())
    return call.request_class.wrap(json_format.ParseDict(request, call.request_class.pb()()))


def json_of(answer: Any) -> Any:
    """An answer of a client as JSON: a message of either kind, a page, an operation, or nothing."""
    if answer is None:
        return {}
    if hasattr(answer, "operation"):
        answer = answer.operation
    elif hasattr(answer, "_response"):  # a page of a list
        answer = answer._response
    message = type(answer).pb(answer) if hasattr(type(answer), "pb") else answer
    return json_format.MessageToDict(message)


def transcoded(call: Call, request: Any) -> Any:
    """method, uri, body and query_params. Raises ValueError where no URL of the call has such a name."""
    return path_template.transcode(call.http_options, None, **request)
