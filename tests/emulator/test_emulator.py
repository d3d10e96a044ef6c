"""The emulator as a whole: addresses, ports in use, what a start ensures, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import aiohttp
import pytest
from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, Task
from google.pubsub_v1 import types as pubsub_types

from emulator import ApiError, Emulator, PortInUseError, StoreError, TasksSettings
from tests.emulator.pubsub.differential.session import session
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import streaming
from tests.emulator.receiver import receiving
from tests.emulator.running import QUEUE, Running, queue, task, tasks_client


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


async def get(address: str, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as response:
        assert response.status == 200
        return await response.text()


async def test_it_tells_where_it_listens_and_serves_there(running: Running) -> None:
    async with running(queues=[queue()]) as emulator:
        addresses = emulator.addresses
        assert len({addresses.tasks, addresses.pubsub, addresses.http}) == 3
        assert await get(addresses.http, "/healthz")
        metrics = await get(addresses.http, "/metrics")
        assert "sidelane_emulator_tasks_dispatched_total 0.0" in metrics
        assert "sidelane_emulator_store_commits_total" in metrics
        async with tasks_client(addresses.tasks) as client:
            await client.pause_queue(name=QUEUE)
            await client.create_task(parent=QUEUE, task=task("t"))
        console = await get(addresses.http, "/")
        assert f"<td>{QUEUE}</td><td>paused</td><td>1</td>" in console


@pytest.mark.parametrize(
    ("field", "service"),
    [("tasks_port", "Cloud Tasks"), ("pubsub_port", "Pub/Sub"), ("http_port", "HTTP")],
)
async def test_a_port_in_use_is_named_with_the_remedy(
    running: Running, taken_port: int, field: str, service: str
) -> None:
    with pytest.raises(
        PortInUseError, match=f"cannot listen on 127.0.0.1:{taken_port} for {service}"
    ) as caught:
        async with running(**{field: taken_port}):
            pass
    assert "choose another port" in str(caught.value)
    async with running() as emulator:  # nothing was left behind
        assert await get(emulator.addresses.http, "/healthz")


async def test_an_emulator_that_does_not_open_takes_no_port(running: Running, taken_port: int) -> None:
    ports: dict[str, int] = {}
    async with running() as emulator:  # whose ports are free afterwards
        for field, address in (("tasks_port", "tasks"), ("http_port", "http")):
            ports[field] = int(getattr(emulator.addresses, address).rpartition(":")[2])
    with pytest.raises(PortInUseError, match=f"{taken_port} for Pub/Sub"):
        async with running(**ports, pubsub_port=taken_port):
            pass
    async with running(**ports):
        pass


async def test_two_emulators_on_one_folder_are_refused(running: Running) -> None:
    async with running():
        with pytest.raises(StoreError, match="in use by another emulator"):
            async with running():
                pass


async def test_a_queue_of_the_start_that_is_not_valid_is_refused(running: Running) -> None:
    with pytest.raises(ApiError, match="maxDispatchesPerSecond"):
        async with running(queues=[queue(rate_limits={"max_dispatches_per_second": -1})]):
            pass
    with pytest.raises(ApiError, match="Queue name must be formatted"):
        async with running(queues=[Queue(name="webhooks")]):
            pass
    async with running(topics=[pubsub_types.Topic(name="projects/p/topics/dead")]):
        pass


async def test_closing_lets_what_is_under_way_end_and_records_it(running: Running) -> None:
    async with receiving() as receiver:
        receiver.is_holding = True
        async with (
            running(queues=[queue()]) as emulator,
            tasks_client(emulator.addresses.tasks) as client,
        ):
            await client.create_task(parent=QUEUE, task=task("t", receiver.url))
            await receiver.received(1)
            ending = asyncio.create_task(emulator.aclose())
            await refused(client)
            await receiver.release()
            await ending
        async with (
            running(queues=[queue()]) as emulator,
            tasks_client(emulator.addresses.tasks) as client,
        ):
            assert [found async for found in await client.list_tasks(parent=QUEUE)] == []


async def refused(client: CloudTasksAsyncClient) -> None:
    """Return once the emulator takes no more calls."""
    while True:
        try:
            await client.get_queue(name=QUEUE, retry=None, timeout=1)
        except GoogleAPICallError:
            return


async def test_closing_waits_no_longer_than_its_grace(running: Running) -> None:
    async with receiving() as receiver:
        receiver.is_holding = True
        async with (
            running(queues=[queue()], tasks=TasksSettings(shutdown_grace=0.05)) as emulator,
            tasks_client(emulator.addresses.tasks) as client,
        ):
            await client.create_task(parent=QUEUE, task=task("t", receiver.url))
            await receiver.received(1)
            async with asyncio.timeout(3):
                await emulator.aclose()
        await receiver.release()
        async with running(queues=[queue()]):
            await receiver.received(2)


async def test_a_task_of_a_start_before_goes_to_its_target(running: Running) -> None:
    async with receiving() as receiver:
        async with (
            running(queues=[queue()]) as emulator,
            tasks_client(emulator.addresses.tasks) as client,
        ):
            await client.pause_queue(name=QUEUE)
            created: Task = await client.create_task(parent=QUEUE, task=task("t", receiver.url, b"payload"))
        async with (
            running() as emulator,
            tasks_client(emulator.addresses.tasks) as client,
        ):
            assert await client.get_task(name=created.name) == created
            await client.resume_queue(name=QUEUE)
            assert (await receiver.received(1))[0].body == b"payload"


async def test_closing_what_is_not_open_does_nothing(running: Running) -> None:
    never_opened = Emulator()
    await never_opened.aclose()
    async with running() as emulator:
        await emulator.aclose()
    await emulator.aclose()


async def test_open_streams_end_as_unavailable_and_hold_up_no_closing(running: Running) -> None:
    async with running(topics=[pubsub_types.Topic(name=TOPIC)]) as emulator:
        subscription = pubsub_types.Subscription(name=SUBSCRIPTION, topic=TOPIC)
        await emulator.pubsub.ensure([], [subscription])
        async with (
            session(emulator.addresses.pubsub, "streaming") as on,
            streaming(on.subscriber, protocol_version=1) as stream,
        ):
            stream.send()
            await stream.response()
            async with asyncio.timeout(20):
                await emulator.aclose()
            with pytest.raises(ServiceUnavailable, match="shutting down"):
                await stream.response()
