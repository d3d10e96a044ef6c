"""REST on a real socket, as plain HTTP sees it: JSON as the cloud prints it, and what is refused how."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from emulator.tasks.rest import BODY_LIMIT
from tests.emulator.running import LOCATION, QUEUE
from tests.emulator.target import Target

TASKS = f"/v2/{QUEUE}/tasks"
NEW = f"{LOCATION}/queues/new"
TOPIC = "projects/sidelane-local/topics/topic"
SUBSCRIPTION = "projects/sidelane-local/subscriptions/subscription"


def error(response: httpx.Response) -> Mapping[str, Any]:
    """The error of a response, whose shape is checked on the way."""
    found: Mapping[str, Any] = response.json()["error"]
    assert found["code"] == response.status_code
    assert set(found) <= {"code", "message", "status", "details"}
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    return found


async def test_a_queue_is_printed_as_the_cloud_does(rest: httpx.AsyncClient) -> None:
    created = await rest.post(
        f"/v2/{LOCATION}/queues", json={"name": NEW, "retry_config": {"minBackoff": "3.5s"}}
    )
    assert created.status_code == 200
    assert created.json() == {
        "name": NEW,
        "rateLimits": {
            "maxDispatchesPerSecond": 500.0,
            "maxBurstSize": 100,
            "maxConcurrentDispatches": 1000,
        },
        "retryConfig": {
            "maxAttempts": 100,
            "minBackoff": "3.500s",
            "maxBackoff": "3600s",
            "maxDoublings": 16,
        },
        "state": "RUNNING",
    }
    assert (await rest.get(f"/v2/{NEW}")).json() == created.json()


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("", "RUNNING"),
        ("?alt=json", "RUNNING"),
        ("?$alt=json", "RUNNING"),
        ("?$alt=json%3Benum-encoding%3Dint", 1),
        ("?alt=json;enum-encoding=int", 1),
        ("?key=k&prettyPrint=false&fields=name&$.xgafv=2&quotaUser=u&access_token=t&callback=c", "RUNNING"),
    ],
)
async def test_system_parameters(rest: httpx.AsyncClient, query: str, state: object) -> None:
    response = await rest.get(f"/v2/{QUEUE}{query}")
    assert (response.status_code, response.json()["state"]) == (200, state)


async def test_a_mask_in_either_case_names_what_changes(rest: httpx.AsyncClient) -> None:
    mask = "rateLimits.maxConcurrentDispatches,retry_config.max_attempts"
    body = {"rateLimits": {"maxConcurrentDispatches": 4}, "retryConfig": {"maxBackoff": "9s"}}
    changed = await rest.patch(f"/v2/{QUEUE}", params={"updateMask": mask}, json=body)
    assert changed.status_code == 200
    assert changed.json()["rateLimits"]["maxConcurrentDispatches"] == 4
    assert changed.json()["retryConfig"]["maxBackoff"] == "3600s"


async def test_the_path_names_the_queue_that_is_changed(rest: httpx.AsyncClient) -> None:
    changed = await rest.patch(f"/v2/{QUEUE}", json={"name": f"{LOCATION}/queues/other"})
    assert changed.json()["name"] == QUEUE


async def test_a_task_goes_out_with_what_json_gave(rest: httpx.AsyncClient, target: Target) -> None:
    task = {
        "name": f"{QUEUE}/tasks/t",
        "httpRequest": {
            "url": "http://target.example/",
            "httpMethod": 4,
            "headers": {"A": "b"},
            "body": "aGk_",
        },
        "dispatchDeadline": "20s",
    }
    created = await rest.post(TASKS, json={"task": task, "responseView": "FULL"})
    assert created.status_code == 200, created.text
    assert created.json()["httpRequest"]["httpMethod"] == "PUT"
    assert created.json()["httpRequest"]["body"] == "aGk/"
    assert created.json()["view"] == "FULL"
    (request,) = await target.received(1)
    assert (request.method, request.body, request.headers["A"]) == ("PUT", b"hi?", "b")


async def test_an_empty_list_and_an_empty_answer_are_empty_objects(rest: httpx.AsyncClient) -> None:
    assert (await rest.get(TASKS)).json() == {}
    assert (await rest.delete(f"/v2/{QUEUE}")).json() == {}


@pytest.mark.parametrize("body", [b"", b"{}", b" \n", b"\xef\xbb\xbf{}"])
async def test_an_action_without_a_body(rest: httpx.AsyncClient, body: bytes) -> None:
    assert (await rest.post(f"/v2/{QUEUE}:pause", content=body)).json()["state"] == "PAUSED"


async def test_an_error_of_a_call_in_googles_shape(rest: httpx.AsyncClient) -> None:
    missing = await rest.get(f"/v2/{NEW}")
    assert missing.status_code == 404
    assert error(missing)["status"] == "NOT_FOUND"
    assert error(missing)["message"].startswith("Queue does not exist.")
    bad = await rest.post(f"/v2/{LOCATION}/queues", json={"name": f"{LOCATION}/queues/a_b"})
    assert bad.status_code == 400
    (detail,) = error(bad)["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.Help"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload received. Unexpected end of string.\n{\n ^"),
        (b'{"task": x}', 'Invalid JSON payload received. Unexpected token.\n{"task": x}\n         ^'),
        (b"[]", "Invalid JSON payload received. Root element must be a message."),
        (b"null", "Invalid JSON payload received. Root element must be a message."),
        (b'{"a":' * 100_000, "Invalid JSON payload received. Message too deep."),
        (b'{"parent": NaN}', "Invalid JSON payload received. NaN is written as a string."),
        (b'{"a":' + b"1" * 5000 + b"}", "Invalid JSON payload received. Exceeds the limit"),
        (b"\xff\xfe", "Invalid JSON payload received. Unexpected token."),
        (
            b'{"task":{"x":1}}',
            "Invalid JSON payload received. Unknown name \"x\" at 'task': Cannot find field.",
        ),
        (b'{"task":{"httpRequest":{"body":"*"}}}', "Invalid value at 'task.http_request.body' (TYPE_BYTES)"),
    ],
)
async def test_a_body_that_is_no_request(rest: httpx.AsyncClient, body: bytes, message: str) -> None:
    response = await rest.post(TASKS, content=body)
    assert response.status_code == 400
    found = error(response)
    assert found["status"] == "INVALID_ARGUMENT"
    assert found["message"].startswith(message)
    (detail,) = found["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["description"] == found["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "foo=1",
            'Invalid JSON payload received. Unknown name "foo": Cannot bind query parameter. '
            "Field 'foo' could not be found in request message.",
        ),
        ("pageSize=x", "Invalid value at 'page_size' (TYPE_INT32), \"x\""),
        ("responseView=HALF", "Invalid value at 'response_view'"),
        (
            "pageToken=a&pageToken=b",
            'Invalid JSON payload received. Unknown name "pageToken": Proto field is not repeating, '
            "cannot start list.",
        ),
        ("alt=proto", "The format 'proto' is not served: ask for alt=json."),
        ("&".join(["pageSize=1"] * 1001), "The query has more than 1000 parameters."),
    ],
)
async def test_a_query_that_is_no_request(rest: httpx.AsyncClient, query: str, message: str) -> None:
    response = await rest.get(f"{TASKS}?{query}")
    assert response.status_code == 400
    assert error(response)["message"].startswith(message)


@pytest.mark.parametrize(
    ("parameter", "is_bound"), [("task.name", True), ("task", False), ("task.httpRequest.headers", False)]
)
async def test_a_query_parameter_reaches_into_a_message(
    rest: httpx.AsyncClient, parameter: str, is_bound: bool
) -> None:
    task = {"httpRequest": {"url": "http://target.example/"}}
    name = f"{QUEUE}/tasks/of-query"
    response = await rest.post(TASKS, params={parameter: name}, json={"task": task})
    assert response.status_code == (200 if is_bound else 400)
    assert is_bound == (response.json().get("name") == name)


async def test_a_body_where_none_is_taken(rest: httpx.AsyncClient) -> None:
    response = await rest.request("DELETE", f"/v2/{QUEUE}", json={"name": "x"})
    assert response.status_code == 400
    assert (await rest.request("DELETE", f"/v2/{QUEUE}", json={})).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v2/nothing", f"/v2/{QUEUE}:stop", f"/v2/{QUEUE}/tasks/", "/v2/", f"/v1/{QUEUE}"]
)
async def test_an_unknown_path(rest: httpx.AsyncClient, path: str) -> None:
    response = await rest.get(path)
    assert response.status_code == 404
    assert error(response)["status"] == "NOT_FOUND"


async def test_a_wrong_verb_is_told_the_right_ones(rest: httpx.AsyncClient) -> None:
    response = await rest.put(f"/v2/{QUEUE}")
    assert response.status_code == 405
    assert error(response)["message"] == "PUT is not allowed here: use DELETE or GET or OPTIONS or PATCH."
    assert response.headers["allow"] == "DELETE, GET, OPTIONS, PATCH"


async def test_head_and_options(rest: httpx.AsyncClient) -> None:
    head = await rest.head(f"/v2/{QUEUE}")
    assert (head.status_code, head.content) == (200, b"")
    options = await rest.options(f"/v2/{QUEUE}")
    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, OPTIONS, PATCH")
    assert (await rest.options("/v2/nothing")).status_code == 404


async def test_gzip(rest: httpx.AsyncClient) -> None:
    headers = {"Content-Encoding": "gzip"}
    plain = json.dumps({"rateLimits": {"maxConcurrentDispatches": 7}}).encode()
    two_members = gzip.compress(plain[:9]) + gzip.compress(plain[9:])
    changed = await rest.patch(f"/v2/{QUEUE}", content=two_members, headers=headers)
    assert changed.json()["rateLimits"]["maxConcurrentDispatches"] == 7
    for broken in (plain, gzip.compress(plain)[:-9]):
        refused = await rest.patch(f"/v2/{QUEUE}", content=broken, headers=headers)
        assert error(refused)["message"].startswith("The request's body is not valid gzip")
    bomb = gzip.compress(bytes(BODY_LIMIT + 1))
    assert (await rest.patch(f"/v2/{QUEUE}", content=bomb, headers=headers)).status_code == 413
    other = await rest.patch(f"/v2/{QUEUE}", content=plain, headers={"Content-Encoding": "br"})
    assert error(other)["message"].startswith("Content-Encoding 'br' is not supported")


async def test_a_body_over_the_bound(rest: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(7):
            yield bytes(2**20)

    for content in (bytes(BODY_LIMIT + 1), chunks()):
        response = await rest.post(TASKS, content=content)
        assert response.status_code == 413
        assert error(response)["message"] == f"Request payload size exceeds the limit: {BODY_LIMIT} bytes."
    assert (await rest.get(f"/v2/{QUEUE}")).status_code == 200


async def test_what_is_counted(rest: httpx.AsyncClient) -> None:
    await rest.get(f"/v2/{QUEUE}")
    await rest.get("/v2/nothing")
    metrics = (await rest.get("/metrics")).text
    assert "sidelane_emulator_tasks_rest_answered_total 2.0" in metrics
    assert "sidelane_emulator_tasks_rest_errors_total 1.0" in metrics
    assert "sidelane_emulator_tasks_rest_under_way 0.0" in metrics


async def test_publish_and_pull(rest: httpx.AsyncClient) -> None:
    assert (await rest.put(f"/v1/{TOPIC}", json={"labels": {"a": "b"}})).json()["labels"] == {"a": "b"}
    created = await rest.put(f"/v1/{SUBSCRIPTION}", json={"topic": TOPIC, "ackDeadlineSeconds": 20})
    assert created.json()["ackDeadlineSeconds"] == 20
    published = await rest.post(
        f"/v1/{TOPIC}:publish", json={"messages": [{"data": "aGk=", "attributes": {"k": "v"}}]}
    )
    (message_id,) = published.json()["messageIds"]
    pulled = await rest.post(f"/v1/{SUBSCRIPTION}:pull", json={"maxMessages": 1, "returnImmediately": True})
    (received,) = pulled.json()["receivedMessages"]
    assert received["message"]["data"] == "aGk="
    assert received["message"]["messageId"] == message_id
    acknowledged = await rest.post(f"/v1/{SUBSCRIPTION}:acknowledge", json={"ackIds": [received["ackId"]]})
    assert (acknowledged.status_code, acknowledged.json()) == (200, {})
