"""Calls to services that are away, slow, refuse, or lose their answer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts import Catalog, TaskRegistry
from producers import (
    InvalidSettings,
    NotOpen,
    PartlyEnqueued,
    Producer,
    ProducerSettings,
    Refused,
    UnknownQueue,
    UnknownTopic,
    Unreachable,
    enqueue,
)
from tests.emulator_fixture import PARENT, RunningEmulator
from tests.producers.front import Front, answer, front, lose_answer
from tests.producers.tasks import transcript

DEADLINE = 0.3
AWAY = "127.0.0.1:1"


class Pauses:
    """Stands in for sleep: keeps what was asked and lets the others run."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def service(emulator: RunningEmulator) -> AsyncIterator[Front]:
    async with front(emulator.addresses.tasks) as state:
        yield state


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def fronted(
    service: Front, emulator: RunningEmulator, catalog: Catalog, registry: TaskRegistry, pauses: Pauses
) -> AsyncIterator[Producer]:
    settings = ProducerSettings(
        cloud_tasks_emulator_host=service.address, pubsub_emulator_host=emulator.addresses.pubsub
    )
    async with Producer(settings, catalog, registry, sleep=pauses) as producer:
        yield producer


@asynccontextmanager
async def pointed_at(
    address: str, catalog: Catalog, registry: TaskRegistry, *, deadline: float = DEADLINE
) -> AsyncIterator[Producer]:
    settings = ProducerSettings(
        cloud_tasks_emulator_host=address, pubsub_emulator_host=address, enqueue_deadline=deadline
    )
    async with Producer(settings, catalog, registry) as producer:
        yield producer


async def test_a_create_whose_answer_is_lost_is_retried_to_success(
    fronted: Producer, service: Front, emulator: RunningEmulator
) -> None:
    service.faults = [lose_answer]
    receipt = await fronted.enqueue(transcript())
    assert receipt.duplicate
    assert service.calls == 2
    assert await emulator.task_names("developer-webhooks-realtime") == [receipt.task]


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
async def test_a_passing_failure_is_retried_with_a_growing_jittered_pause(
    fronted: Producer, service: Front, pauses: Pauses, code: grpc.StatusCode
) -> None:
    service.faults = [answer(code)] * 8
    assert not (await fronted.enqueue(transcript())).duplicate
    assert service.calls == 9
    assert all(0 <= pause <= min(1, 0.05 * 2**n) for n, pause in enumerate(pauses.asked))
    assert len(set(pauses.asked)) == 8


async def test_a_refusal_is_told_at_once(fronted: Producer, service: Front) -> None:
    service.faults = [answer(grpc.StatusCode.PERMISSION_DENIED)]
    with pytest.raises(Refused, match=rf"create task {PARENT}/queues/.*a fault of the test"):
        await fronted.enqueue(transcript())
    assert service.calls == 1


async def test_a_refusal_after_a_passing_failure_is_a_refusal(fronted: Producer, service: Front) -> None:
    service.faults = [answer(grpc.StatusCode.UNAVAILABLE), answer(grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(Refused):
        await fronted.enqueue(transcript())


async def test_a_service_that_is_away_is_unreachable_within_the_deadline(
    catalog: Catalog, registry: TaskRegistry
) -> None:
    async with pointed_at(AWAY, catalog, registry) as producer:
        started = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match=rf"from {AWAY} within 0.3 s \(\d+ tries .*refused.*safe"):
            await enqueue(transcript())
        with pytest.raises(Unreachable, match="publish to projects/sidelane-local/topics/t"):
            await producer.publish("t", b"x", {})
        assert asyncio.get_running_loop().time() - started < 4 * DEADLINE


async def test_a_service_that_accepts_and_says_nothing_is_unreachable(
    catalog: Catalog, registry: TaskRegistry, silent_address: str
) -> None:
    async with pointed_at(silent_address, catalog, registry) as producer:
        with pytest.raises(Unreachable):
            await producer.enqueue(transcript())


@pytest.fixture
def silent_address() -> Iterator[str]:
    """The kernel completes connections here, and nobody ever reads from them."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_many_tasks_for_a_service_that_is_away_take_one_deadline_and_not_many(
    catalog: Catalog, registry: TaskRegistry
) -> None:
    async with pointed_at(AWAY, catalog, registry) as producer:
        started = asyncio.get_running_loop().time()
        with pytest.raises(PartlyEnqueued, match="640 of 640") as caught:
            await producer.enqueue_many(transcript(number) for number in range(640))
        assert asyncio.get_running_loop().time() - started < 4 * DEADLINE
    assert list(caught.value.failures) == list(range(640))
    assert {type(error) for error in caught.value.failures.values()} == {Unreachable}
    assert "not tried" in str(caught.value.failures[639])


async def test_a_queue_that_the_service_lacks_is_unknown(
    emulator: RunningEmulator, producer: Producer
) -> None:
    await emulator.tasks.delete_queue(name=f"{PARENT}/queues/developer-webhooks-realtime")
    with pytest.raises(UnknownQueue, match=r"Queue does not exist.*Terraform"):
        await producer.enqueue(transcript())


async def test_a_topic_that_the_service_lacks_is_unknown(producer: Producer) -> None:
    with pytest.raises(UnknownTopic, match="topics/nowhere"):
        await producer.publish("nowhere", b"x", {})


async def test_a_published_message_arrives_whole(producer: Producer, emulator: RunningEmulator) -> None:
    message_id = await producer.publish("developer-webhooks-dead", b"\x00dead", {"reason": "gone"})
    (received,) = await emulator.pull("developer-webhooks-dead")
    assert received.message.message_id == message_id
    assert received.message.data == b"\x00dead"
    assert dict(received.message.attributes) == {"reason": "gone"}


async def test_closing_waits_for_a_create_under_way(
    service: Front, emulator: RunningEmulator, catalog: Catalog, registry: TaskRegistry
) -> None:
    service.faults = [service.hold]
    async with (
        pointed_at(service.address, catalog, registry, deadline=20) as producer,
        asyncio.TaskGroup() as group,
    ):
        under_way = asyncio.create_task(producer.enqueue(transcript()))
        await service.waiting.wait()
        closing = group.create_task(producer.aclose())
        await asyncio.sleep(0)
        with pytest.raises(NotOpen):
            await producer.enqueue(transcript(2))
        assert not closing.done()
        service.release.set()
        with pytest.raises(NotOpen):
            await under_way  # its answer was lost, and there is no second try once closed
    assert len(await emulator.task_names("developer-webhooks-realtime")) == 1


async def test_without_credentials_start_up_stops_and_says_how_to_get_them(
    catalog: Catalog, registry: TaskRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(InvalidSettings, match=r"CLOUD_TASKS_EMULATOR_HOST .* application-default login"):
        await Producer(ProducerSettings(), catalog, registry).open()
    with pytest.raises(NotOpen):
        await enqueue(transcript())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "backend@sidelane-local.iam.gserviceaccount.com",
                "token_uri": f"http://{AWAY}/token",
                "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            }
        )
    )
    return path


async def test_with_credentials_a_producer_opens_without_calling_anyone(
    catalog: Catalog, registry: TaskRegistry, monkeypatch: pytest.MonkeyPatch, key_file: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    async with Producer(ProducerSettings(), catalog, registry):
        pass
