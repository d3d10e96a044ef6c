"""A queue's http_target: what it may be, how a mask changes it, and what it makes of a task's request."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, HttpTarget, Queue, Task
from google.protobuf.field_mask_pb2 import FieldMask

from emulator.oidc import TokenIssuer
from emulator.tasks.http_target import effective_request
from tests.emulator.running import LOCATION, QUEUE, URL, Running, queue, task, tasks_client
from tests.emulator.target import Target

OIDC = {"service_account_email": "a@b", "audience": "https://aud"}
OAUTH = {"service_account_email": "a@b", "scope": "s"}
TARGET: dict[str, Any] = {
    "uri_override": {
        "scheme": "HTTP",
        "host": "h.example",
        "port": 81,
        "path_override": {"path": "/p"},
        "query_override": {"query_params": "q=1"},
        "uri_override_enforce_mode": "IF_NOT_EXISTS",
    },
    "http_method": "PUT",
    "header_overrides": [{"header": {"key": "X-Mine", "value": "queue"}}],
    "oidc_token": OIDC,
}


def effective(request: dict[str, Any], target: dict[str, Any]) -> HttpRequest:
    given = HttpRequest.pb(HttpRequest(request))
    made: HttpRequest = HttpRequest.wrap(effective_request(given, Queue.pb(queue(http_target=target))))
    return made


async def update(client: CloudTasksAsyncClient, target: dict[str, Any] | None, *paths: str) -> HttpTarget:
    given = queue() if target is None else queue(http_target=target)
    updated = await client.update_queue(queue=given, update_mask=FieldMask(paths=paths))
    assert await client.get_queue(name=QUEUE) == updated
    found: HttpTarget = updated.http_target
    return found


def test_without_a_target_a_request_is_the_tasks_own() -> None:
    request = HttpRequest.pb(HttpRequest(url=URL, body=b"x"))
    assert effective_request(request, Queue.pb(queue())) is request


def test_the_queue_wins_over_the_task() -> None:
    request = {
        "url": "https://task.example/t?t=1",
        "http_method": "POST",
        "headers": {"x-mine": "task", "Other": "kept"},
        "body": b"body",
        "oauth_token": OAUTH,
    }
    target = TARGET | {"uri_override": {**TARGET["uri_override"], "uri_override_enforce_mode": "ALWAYS"}}
    assert effective(request, target) == HttpRequest(
        url="http://h.example:81/p?q=1",
        http_method="PUT",
        headers={"X-Mine": "queue", "Other": "kept"},
        body=b"body",
        oidc_token=OIDC,
    )


@pytest.mark.parametrize("mode", ["ALWAYS", "URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED"])
def test_an_unspecified_mode_is_always(mode: str) -> None:
    target = {"uri_override": {"host": "h.example", "uri_override_enforce_mode": mode}}
    assert effective({"url": "http://task.example/t"}, target).url == "http://h.example/t"


def test_if_not_exists_leaves_what_the_task_has() -> None:
    target = {"uri_override": TARGET["uri_override"]}
    assert effective({"url": "https://task.example/t"}, target).url == "https://task.example:81/t?q=1"
    assert effective({}, target).url == "http://h.example:81/p?q=1"


def test_an_unspecified_scheme_is_https_and_an_absent_one_the_tasks() -> None:
    unspecified = {"uri_override": {"scheme": "SCHEME_UNSPECIFIED"}}
    assert effective({"url": "http://task.example/t"}, unspecified).url == "https://task.example/t"
    assert effective({"url": "http://task.example/t"}, {"http_method": "PUT"}).url == "http://task.example/t"


def test_a_get_has_no_body() -> None:
    made = effective({"url": URL, "body": b"x"}, {"http_method": "GET"})
    assert (made.body, made.http_method.name) == (b"", "GET")


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "USER-AGENT", "X-CloudTasks-Mine", "x-google-x", "X-AppEngine-X"]
)
def test_what_the_service_sets_cannot_be_overridden(name: str) -> None:
    target = {"header_overrides": [{"header": {"key": name, "value": "mine"}}]}
    assert dict(effective({"url": URL, "headers": {"A": "1"}}, target).headers) == {"A": "1"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"http_method": 99}, "HttpTarget.httpMethod 99 is unknown."),
        ({"uri_override": {"host": ""}}, "UriOverride.host cannot be empty."),
        ({"uri_override": {"host": "h/p"}}, "UriOverride.host must be a host name or an IP address alone."),
        ({"uri_override": {"port": -1}}, "UriOverride.port must be between 0 (none) and 65535."),
        ({"uri_override": {"port": 65536}}, "UriOverride.port must be between 0 (none) and 65535."),
        ({"uri_override": {"scheme": 9}}, "UriOverride.scheme 9 is unknown."),
        (
            {"uri_override": {"uri_override_enforce_mode": 9}},
            "UriOverride.uriOverrideEnforceMode 9 is unknown.",
        ),
        (
            {"uri_override": {"path_override": {"path": "/p?q"}}},
            "UriOverride.pathOverride.path cannot contain '?' or '#'.",
        ),
        (
            {"uri_override": {"query_override": {"query_params": "a#b"}}},
            "UriOverride.queryOverride.queryParams cannot contain '#'.",
        ),
        (
            {"header_overrides": [{"header": {"value": "v"}}]},
            "HttpTarget.headerOverrides.header.key is required.",
        ),
        (
            {"header_overrides": [{"header": {"key": "k", "value": "v" * 81_919}}]},
            "HttpTarget.headerOverrides must be less than 80 KB.",
        ),
        (
            {"oauth_token": {"service_account_email": "a@b"}},
            "HttpTarget.oauthToken.serviceAccountEmail and HttpTarget.oauthToken.scope are both required.",
        ),
        (
            {"oidc_token": {"audience": "a"}},
            "HttpTarget.oidcToken.serviceAccountEmail and HttpTarget.oidcToken.audience are both required.",
        ),
    ],
)
async def test_what_a_target_may_not_be(
    client: CloudTasksAsyncClient, target: dict[str, Any], message: str
) -> None:
    new = Queue(name=f"{LOCATION}/queues/new", http_target=target)
    for refused in (
        client.create_queue(parent=LOCATION, queue=new),
        client.update_queue(queue=queue(http_target=target)),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await refused
        assert caught.value.message == message


async def test_a_target_reads_back_as_given(client: CloudTasksAsyncClient) -> None:
    given = Queue(name=f"{LOCATION}/queues/new", http_target=TARGET)
    created = await client.create_queue(parent=LOCATION, queue=given)
    assert created.http_target == HttpTarget(TARGET)
    assert await client.get_queue(name=created.name) == created


async def test_masks_go_into_the_target(client: CloudTasksAsyncClient) -> None:
    await update(client, TARGET, "http_target")
    other = {
        "uri_override": {"host": "other.example", "port": 9},
        "oidc_token": {"service_account_email": "x@y", "audience": "new"},
    }
    target = await update(client, other, "http_target.uri_override.host", "httpTarget.oidcToken.audience")
    expected = HttpTarget(TARGET)
    expected.uri_override.host = "other.example"
    expected.oidc_token.audience = "new"
    assert target == expected

    cleared = await update(
        client,
        None,
        "http_target.uri_override.port",
        "http_target.uri_override.scheme",
        "httpTarget.uriOverride.pathOverride.path",
        "http_target.uri_override.query_override",
        "http_target.header_overrides",
        "http_target.oidc_token",
        "httpTarget.httpMethod",
    )
    kept = {"host": "other.example", "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    assert cleared == HttpTarget(uri_override=kept)
    assert "port" not in cleared.uri_override
    assert "path_override" not in cleared.uri_override

    await update(client, None, "http_target.uri_override")
    assert "http_target" not in await client.get_queue(name=QUEUE)


async def test_a_port_of_zero_and_an_empty_path_are_kept_as_such(client: CloudTasksAsyncClient) -> None:
    given = {"uri_override": {"port": 0, "path_override": {"path": ""}}}
    paths = ("http_target.uri_override.port", "http_target.uri_override.path_override.path")
    target = await update(client, given, *paths)
    assert "port" in target.uri_override
    assert "path_override" in target.uri_override
    await client.create_task(parent=QUEUE, task=task("t", "http://h.example:81/p?q=1"))


async def test_a_mask_cannot_leave_a_host_that_is_empty(client: CloudTasksAsyncClient) -> None:
    await update(client, TARGET, "http_target")
    with pytest.raises(InvalidArgument, match=r"UriOverride\.host cannot be empty"):
        await update(client, {"uri_override": {"host": ""}}, "http_target.uri_override.host")
    assert (await client.get_queue(name=QUEUE)).http_target == HttpTarget(TARGET)


async def test_one_token_takes_the_place_of_the_other(client: CloudTasksAsyncClient) -> None:
    await update(client, TARGET, "http_target")
    target = await update(client, {"oauth_token": OAUTH}, "http_target.oauth_token")
    assert "oidc_token" not in target
    assert target.oauth_token.scope == "s"


async def test_a_task_needs_no_url_where_the_queue_has_a_host(
    client: CloudTasksAsyncClient, target: Target, issuer: TokenIssuer
) -> None:
    with pytest.raises(InvalidArgument, match=r"HttpRequest\.url is required"):
        await client.create_task(parent=QUEUE, task=Task(http_request=HttpRequest(body=b"x")))
    await update(client, TARGET, "http_target")
    created = await client.create_task(parent=QUEUE, task=Task(http_request=HttpRequest(body=b"x")))
    assert created.http_request.url == ""
    assert created.http_request.http_method.name == "POST"
    [request] = await target.received(1)
    assert (request.method, request.url, request.body) == ("PUT", "http://h.example:81/p?q=1", b"x")
    assert request.headers["X-Mine"] == "queue"
    token = issuer.token(email="a@b", audience="https://aud")
    assert request.headers["Authorization"] == f"Bearer {token}"


async def test_a_target_that_changes_counts_for_what_waits(
    client: CloudTasksAsyncClient, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t", "http://task.example/t"))
    await update(client, {"uri_override": {"host": "later.example"}}, "http_target")
    await client.resume_queue(name=QUEUE)
    [request] = await target.received(1)
    assert request.url == "http://later.example/t"


async def test_an_attempt_without_url_fails_and_says_what_to_set(
    client: CloudTasksAsyncClient, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await update(client, TARGET, "http_target")
    await client.pause_queue(name=QUEUE)
    name = (await client.create_task(parent=QUEUE, task=Task(http_request=HttpRequest()))).name
    await update(client, None, "http_target")
    await client.resume_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("sign"))
    await target.received(1)
    await client.pause_queue(name=QUEUE)
    assert (await client.get_task(name=name)).dispatch_count == 1
    assert f"set Queue.httpTarget.uriOverride.host of {QUEUE}" in caplog.text


async def test_a_target_survives_a_restart(running: Running, target: Target) -> None:
    async with running(sender=target) as emulator, tasks_client(emulator.addresses.tasks) as client:
        given = Queue(name=QUEUE, http_target=TARGET, app_engine_routing_override={"service": "api"})
        created = await client.create_queue(parent=LOCATION, queue=given)
    async with running(sender=target) as emulator, tasks_client(emulator.addresses.tasks) as client:
        assert await client.get_queue(name=QUEUE) == created
