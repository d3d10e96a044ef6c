"""JSON into messages: equal to protobuf's own reader on what is right, in Google's words on what is wrong."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from google.cloud.tasks_v2 import CreateTaskRequest, Queue, UpdateQueueRequest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.pubsub_v1.types import PublishRequest, Subscription
from hypothesis import given
from hypothesis import strategies as st

from emulator.rest.json_message import Fault, fill

CREATE: Any = CreateTaskRequest.pb()
QUEUE: Any = Queue.pb()
UPDATE: Any = UpdateQueueRequest.pb()
PUBLISH: Any = PublishRequest.pb()
SUBSCRIPTION: Any = Subscription.pb()

seconds = st.integers(-(10**9), 10**9)
tasks = st.builds(
    CREATE,
    parent=st.text(max_size=9),
    response_view=st.integers(0, 9),
    task=st.fixed_dictionaries(
        {},
        optional={
            "name": st.text(max_size=9),
            "http_request": st.fixed_dictionaries(
                {"url": st.text(max_size=9)},
                optional={
                    "http_method": st.integers(0, 9),
                    "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
                    "body": st.binary(max_size=50),
                    "oidc_token": st.fixed_dictionaries({"audience": st.text(max_size=5)}),
                },
            ),
            "schedule_time": st.fixed_dictionaries(
                {"seconds": st.integers(0, 10**10), "nanos": st.integers(0, 10**9 - 1)}
            ),
            "dispatch_deadline": st.fixed_dictionaries({"seconds": seconds}),
        },
    ),
)
queues = st.builds(
    QUEUE,
    name=st.text(max_size=9),
    state=st.integers(0, 5),
    rate_limits=st.fixed_dictionaries(
        {},
        optional={
            "max_dispatches_per_second": st.floats(),
            "max_concurrent_dispatches": st.integers(-(2**31), 2**31 - 1),
        },
    ),
    http_target=st.fixed_dictionaries(
        {},
        optional={
            "uri_override": st.fixed_dictionaries({}, optional={"port": st.integers(-(2**63), 2**63 - 1)}),
            "header_overrides": st.lists(
                st.fixed_dictionaries({"header": st.fixed_dictionaries({"key": st.text(max_size=5)})}),
                max_size=3,
            ),
        },
    ),
)
messages = st.one_of(tasks, queues)


def read(request_class: Any, value: object) -> Any:
    message = request_class()
    assert list(fill(message, value)) == []
    return message


@given(messages, st.booleans(), st.booleans())
def test_what_protobuf_writes_is_read_back(message: Message, numbers: bool, snake: bool) -> None:
    def written(message: Message) -> dict[str, Any]:  # a NaN equals no other, but for its text
        return json_format.MessageToDict(
            message, use_integers_for_enums=numbers, preserving_proto_field_name=snake
        )

    assert written(read(type(message), written(message))) == written(message)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["", "="])
@given(data=st.binary(max_size=20))
def test_base64_of_either_alphabet(encode: Any, padding: str, data: bytes) -> None:
    text = encode(data).decode().replace("=", padding)
    assert read(PUBLISH, {"messages": [{"data": text}]}).messages[0].data == data


def test_masks_in_either_case_are_the_protos() -> None:
    mask = "rateLimits.maxDispatchesPerSecond,retry_config.max_attempts, name"
    assert list(read(UPDATE, {"updateMask": mask}).update_mask.paths) == [
        "rate_limits.max_dispatches_per_second",
        "retry_config.max_attempts",
        "name",
    ]


def test_null_is_not_given_and_a_block_without_fields_is() -> None:
    task = read(CREATE, {"task": {"httpRequest": None, "appEngineHttpRequest": {}}}).task
    assert not task.HasField("http_request")
    assert task.HasField("app_engine_http_request")
    assert read(SUBSCRIPTION, {"expirationPolicy": {}}).HasField("expiration_policy")


def test_numbers_in_their_several_forms() -> None:
    limits = {"maxDispatchesPerSecond": "0.5", "maxConcurrentDispatches": 3.0}
    queue = read(QUEUE, {"rateLimits": limits, "state": "2"})
    assert queue.rate_limits.max_dispatches_per_second == 0.5
    assert queue.rate_limits.max_concurrent_dispatches == 3
    assert queue.state == Queue.State.PAUSED
    assert math.isnan(
        read(QUEUE, {"rateLimits": {"maxDispatchesPerSecond": "NaN"}}).rate_limits.max_dispatches_per_second
    )


def test_a_lone_value_stands_for_a_list_of_one() -> None:
    assert len(read(PUBLISH, {"messages": {"data": ""}}).messages) == 1


@pytest.mark.parametrize(
    ("request_class", "value", "path", "description"),
    [
        (CREATE, [], "", "Invalid JSON payload received. Root element must be a message."),
        (CREATE, {"x": 1}, "", 'Invalid JSON payload received. Unknown name "x": Cannot find field.'),
        (
            CREATE,
            {"task": {"x": 1}},
            "task",
            "Invalid JSON payload received. Unknown name \"x\" at 'task': Cannot find field.",
        ),
        (
            CREATE,
            {"task": "t"},
            "task",
            "Invalid value at 'task' (type.googleapis.com/google.cloud.tasks.v2.Task), \"t\"",
        ),
        (
            CREATE,
            {"task": []},
            "",
            'Invalid JSON payload received. Unknown name "task": Proto field is not repeating, cannot start '
            "list.",
        ),
        (
            CREATE,
            {"parent": {}},
            "",
            'Invalid JSON payload received. Unknown name "parent": Starting an object on a scalar field',
        ),
        (CREATE, {"parent": 5}, "parent", "Invalid value at 'parent' (TYPE_STRING), 5"),
        (
            CREATE,
            {"parent": "\ud800"},
            "parent",
            "Invalid value at 'parent' (TYPE_STRING), it holds half a surrogate pair",
        ),
        (
            CREATE,
            {"\ud800": 1},
            "",
            'Invalid JSON payload received. Unknown name "\\ud800": Cannot find field.',
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"httpMethod": "\ud800"}}},
            "task.http_request.http_method",
            "Invalid value at 'task.http_request.http_method' "
            '(type.googleapis.com/google.cloud.tasks.v2.HttpMethod), "\\ud800"',
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"body": "\ud800"}}},
            "task.http_request.body",
            "Invalid value at 'task.http_request.body' (TYPE_BYTES), Base64 decoding failed for \"\\ud800\"",
        ),
        (
            CREATE,
            {"task": {"scheduleTime": "\ud800"}},
            "task.schedule_time",
            "Invalid value at 'task.schedule_time' "
            '(type.googleapis.com/google.protobuf.Timestamp), "\\ud800"',
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"httpMethod": "FETCH"}}},
            "task.http_request.http_method",
            "Invalid value at 'task.http_request.http_method' "
            '(type.googleapis.com/google.cloud.tasks.v2.HttpMethod), "FETCH"',
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"body": "a*"}}},
            "task.http_request.body",
            "Invalid value at 'task.http_request.body' (TYPE_BYTES), Base64 decoding failed for \"a*\"",
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"body": "abcde"}}},
            "task.http_request.body",
            "Invalid value at 'task.http_request.body' (TYPE_BYTES), Base64 decoding failed for \"abcde\"",
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"headers": {"a": "b", "c": 1}}}},
            "task.http_request.headers[1].value",
            "Invalid value at 'task.http_request.headers[1].value' (TYPE_STRING), 1",
        ),
        (
            CREATE,
            {"task": {"httpRequest": {"headers": "h"}}},
            "task.http_request.headers",
            "Invalid value at 'task.http_request.headers' (map), \"h\"",
        ),
        (
            CREATE,
            {"task": {"dispatchDeadline": "15"}},
            "task.dispatch_deadline",
            "Invalid value at 'task.dispatch_deadline' (type.googleapis.com/google.protobuf.Duration), "
            "Field 'dispatchDeadline', Illegal duration format; duration must end with 's'",
        ),
        (
            CREATE,
            {"task": {"scheduleTime": 15}},
            "task.schedule_time",
            "Invalid value at 'task.schedule_time' (type.googleapis.com/google.protobuf.Timestamp), 15",
        ),
        (
            CREATE,
            {"task": {"httpRequest": {}, "appEngineHttpRequest": {}}},
            "task",
            "Invalid value at 'task' (oneof), oneof field 'message_type' is already set. "
            "Cannot set 'appEngineHttpRequest'",
        ),
        (
            QUEUE,
            {"rateLimits": {"maxConcurrentDispatches": 2**31}},
            "rate_limits.max_concurrent_dispatches",
            "Invalid value at 'rate_limits.max_concurrent_dispatches' (TYPE_INT32), 2147483648",
        ),
        (
            QUEUE,
            {"rateLimits": {"maxConcurrentDispatches": 1.5}},
            "rate_limits.max_concurrent_dispatches",
            "Invalid value at 'rate_limits.max_concurrent_dispatches' (TYPE_INT32), 1.5",
        ),
        (
            QUEUE,
            {"rateLimits": {"maxDispatchesPerSecond": True}},
            "rate_limits.max_dispatches_per_second",
            "Invalid value at 'rate_limits.max_dispatches_per_second' (TYPE_DOUBLE), true",
        ),
        (
            PUBLISH,
            {"messages": [{}, {"data": 1}]},
            "messages[1].data",
            "Invalid value at 'messages[1].data' (TYPE_BYTES), 1",
        ),
    ],
)
def test_a_fault_in_googles_words(request_class: Any, value: object, path: str, description: str) -> None:
    assert list(fill(request_class(), value)) == [Fault(path, description)]


def test_every_fault_is_told() -> None:
    faults = list(fill(CREATE(), {"x": 1, "parent": 2, "task": {"name": 3}}))
    assert [fault.path for fault in faults] == ["", "parent", "task.name"]
