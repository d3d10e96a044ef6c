"""Google's generated async clients on an emulator of the same process, without a socket."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import (
    DeadlineExceeded,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    ServiceUnavailable,
)
from google.cloud.tasks_v2 import CloudTasksAsyncClient, GetQueueRequest
from google.pubsub_v1 import types

from emulator import (
    Emulator,
    HttpRequest,
    Response,
    cloud_tasks_client,
    publisher_client,
    subscriber_client,
)
from emulator.grpc_api import Service
from emulator.in_process import InProcessChannel
from tests.emulator.pubsub.streaming import ack_ids, data, streaming
from tests.emulator.running import LOCATION, QUEUE, queue, task

TOPIC, SUBSCRIPTION = "projects/p/topics/news", "projects/p/subscriptions/reader"
DOCUMENT = Path(__file__).parents[2].joinpath("docs/EMULATOR.md").read_text(encoding="utf-8")


class Arrivals:
    """A sender that keeps what it was given."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[HttpRequest] = asyncio.Queue()

    async def send(self, request: HttpRequest, deadline: float) -> Response:
        await self.requests.put(request)
        return Response(200)


@pytest.fixture
async def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
async def emulator(arrivals: Arrivals) -> AsyncIterator[Emulator]:
    async with Emulator(queues=[queue()], sender=arrivals) as emulator:
        yield emulator


async def test_tasks_without_any_port(emulator: Emulator, arrivals: Arrivals) -> None:
    assert (emulator.addresses.tasks, emulator.addresses.pubsub, emulator.addresses.http) == ("", "", "")
    client = await cloud_tasks_client(emulator.channel)
    created = await client.create_task(parent=QUEUE, task=task("t", body=b"payload"))
    async with asyncio.timeout(20):
        request = await arrivals.requests.get()
    assert (created.name, request.body, request.source) == (f"{QUEUE}/tasks/t", b"payload", QUEUE)
    assert [found.name async for found in await client.list_queues(parent=LOCATION)] == [QUEUE]


async def test_errors_are_those_of_the_service(emulator: Emulator) -> None:
    client = await cloud_tasks_client(emulator.channel)
    with pytest.raises(InvalidArgument, match="Queue name must be formatted"):
        await client.get_queue(name="nonsense")
    with pytest.raises(NotFound, match="Queue does not exist") as caught:
        await client.get_queue(name=f"{QUEUE}-other")
    assert caught.value.grpc_status_code is grpc.StatusCode.NOT_FOUND
    other = InProcessChannel([])
    with pytest.raises(MethodNotImplemented, match="GetQueue is not served in process"):
        await (await cloud_tasks_client(other)).get_queue(name=QUEUE)


async def test_pubsub_without_any_port(emulator: Emulator) -> None:
    publisher, subscriber = (
        await publisher_client(emulator.channel),
        await subscriber_client(emulator.channel),
    )
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"payload")])
    pulled = await subscriber.pull(subscription=SUBSCRIPTION, max_messages=10)
    assert [received.message.data for received in pulled.received_messages] == [b"payload"]


async def test_a_call_ends_at_its_deadline() -> None:
    async def never(_: object) -> object:
        return await asyncio.Event().wait()

    service = Service("google.cloud.tasks.v2.CloudTasks", {"GetQueue": (GetQueueRequest.pb(), never)})
    client = await cloud_tasks_client(InProcessChannel([service]))
    with pytest.raises(DeadlineExceeded):
        await client.get_queue(name=QUEUE, timeout=0.01, retry=None)


async def test_a_call_on_another_loop_says_what_is_wrong(emulator: Emulator) -> None:
    client: CloudTasksAsyncClient = await cloud_tasks_client(emulator.channel)

    def elsewhere() -> None:
        with asyncio.Runner() as runner:
            runner.run(client.get_queue(name=QUEUE))

    with pytest.raises(RuntimeError, match="runs on another event loop than this call"):
        await asyncio.to_thread(elsewhere)


async def test_messages_stream_without_any_port(emulator: Emulator) -> None:
    publisher = await publisher_client(emulator.channel)
    subscriber = await subscriber_client(emulator.channel)
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    async with streaming(subscriber, SUBSCRIPTION, max_outstanding_messages=1) as stream:
        for payload in (b"a", b"b"):
            await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=payload)])
        for payload in (b"a", b"b"):
            received = await stream.messages(1)
            assert data(received) == [payload]
            stream.send(ack_ids=ack_ids(received))
        stream.end()
        with pytest.raises(StopAsyncIteration):
            await stream.response()


async def test_a_stream_ends_with_the_services_error_and_with_the_emulator(emulator: Emulator) -> None:
    subscriber = await subscriber_client(emulator.channel)
    async with streaming(subscriber, SUBSCRIPTION) as stream:
        with pytest.raises(NotFound):
            await stream.response()
    await (await publisher_client(emulator.channel)).create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    async with streaming(subscriber, SUBSCRIPTION) as stream:
        response = asyncio.create_task(stream.response())
        await asyncio.sleep(0)
        await emulator.aclose()
        with pytest.raises(ServiceUnavailable):
            await response


async def test_a_stream_that_is_cancelled_frees_its_place(emulator: Emulator) -> None:
    publisher = await publisher_client(emulator.channel)
    subscriber = await subscriber_client(emulator.channel)
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    async with streaming(subscriber, SUBSCRIPTION) as stream:
        await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
        await stream.messages(1)
        assert emulator.pubsub.statistics().streams_open == 1
        stream.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stream.response()
    assert emulator.pubsub.statistics().streams_open == 0


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter loads for it."""
    script = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_what_is_not_needed_is_not_imported() -> None:
    loaded = loaded_by("from emulator import Emulator, EmbeddedSender")
    assert loaded & {"emulator.http_sender", "uvicorn", "prometheus_client"} == set()


async def test_the_documented_example_works() -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    (example,) = (block for block in blocks if "async def main" in block)
    names: dict[str, Any] = {}
    exec(example, names)
    paths: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    await names["main"](app)
    assert paths == ["/tasks/welcome"]


async def test_a_temporary_folder_goes_with_the_emulator() -> None:
    emulator = Emulator()
    await emulator.open()
    folder = emulator.data_dir
    assert await asyncio.to_thread((folder / "emulator.db").exists)
    await emulator.aclose()
    assert not await asyncio.to_thread(folder.exists)
