"""BufferTask: a raw HTTP request becomes a task of a queue that says where it goes."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
import pytest
from google.cloud.tasks_v2 import HttpMethod, Queue, Task

from emulator import VirtualClock
from emulator.errors import ApiError, InvalidArgumentError
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks.buffered_task import buffered_task
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.queues import Queues
from emulator.tasks.tasks import Tasks
from tests.emulator.running import QUEUE, queue
from tests.emulator.target import Target

TO_HOST = queue(http_target={"uri_override": {"host": "h.example"}})


def buffered(
    method: str = "POST", headers: Iterable[tuple[str, str]] = (), body: bytes = b"", to: Queue = TO_HOST
) -> Task:
    made: Task = Task.wrap(buffered_task(Queue.pb(to), "", method=method, headers=headers, body=body))
    return made


def test_method_headers_and_body_are_the_requests() -> None:
    made = buffered("PATCH", [("content-type", "text/plain"), ("X-Mine", "1"), ("x-mine", "2")], b"raw")
    assert made.http_request.http_method == HttpMethod.PATCH
    assert dict(made.http_request.headers) == {"content-type": "text/plain", "X-Mine": "1, 2"}
    assert made.http_request.body == b"raw"


def test_a_request_without_a_type_is_json() -> None:
    assert dict(buffered().http_request.headers) == {"Content-Type": "application/json"}


@pytest.mark.parametrize("name", ["authorization", "Connection", "Transfer-Encoding", "X-Goog-Api-Client"])
def test_what_belongs_to_the_call_stays_behind(name: str) -> None:
    assert name not in buffered(headers=[(name, "x")]).http_request.headers


def test_a_queue_without_a_target_cannot_buffer() -> None:
    with pytest.raises(ApiError, match=f"set Queue.httpTarget of {QUEUE}") as caught:
        buffered(to=queue())
    assert caught.value.code == grpc.StatusCode.FAILED_PRECONDITION


def test_a_target_without_a_host_cannot_either() -> None:
    with pytest.raises(InvalidArgumentError, match=r"set Queue\.httpTarget\.uriOverride\.host"):
        buffered(to=queue(http_target={"http_method": "PUT"}))


def test_a_method_that_no_task_has_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"HttpRequest\.httpMethod TRACE is unknown"):
        buffered("TRACE")


@pytest.fixture
async def tasks(store: Store, clock: VirtualClock, issuer: TokenIssuer, target: Target) -> Tasks:
    dispatcher = Dispatcher(store, clock, target, issuer, max_in_flight=8)
    queues = Queues(store, clock, dispatcher, tombstone_ttl=0)
    await queues.ensure([Queue.pb(TO_HOST)])
    return Tasks(store, clock, dispatcher, queues, tombstone_ttl=0)


async def test_a_buffered_task_is_dispatched(tasks: Tasks, target: Target) -> None:
    headers = [("Host", "emulator"), ("User-Agent", "curl"), ("Content-Length", "3"), ("X-Mine", "1")]
    made = await tasks.buffer(QUEUE, "mine", method="PUT", headers=headers, body=b"raw")
    assert (made.name, made.http_request.body) == (f"{QUEUE}/tasks/mine", b"")
    [request] = await target.received(1)
    assert (request.method, request.url, request.body) == ("PUT", "https://h.example", b"raw")
    assert request.headers["X-Mine"] == "1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert not {"Host", "Content-Length"} & request.headers.keys()


async def test_without_an_id_one_is_made_and_a_bad_one_is_refused(tasks: Tasks, target: Target) -> None:
    made = await tasks.buffer(QUEUE, None, method="POST", headers=[], body=b"")
    assert made.name.removeprefix(f"{QUEUE}/tasks/").isdecimal()
    await target.received(1)
    with pytest.raises(InvalidArgumentError, match='Task ID "a b"'):
        await tasks.buffer(QUEUE, "a b", method="POST", headers=[], body=b"")
    with pytest.raises(InvalidArgumentError, match=r"HttpRequest\.body is allowed only"):
        await tasks.buffer(QUEUE, None, method="GET", headers=[], body=b"x")
    with pytest.raises(ApiError, match="Queue does not exist"):
        await tasks.buffer(f"{QUEUE}-x", None, method="POST", headers=[], body=b"")
