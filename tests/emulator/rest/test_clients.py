"""The unmodified synchronous clients over REST, each on a thread, through the calls of both APIs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud.location.locations_pb2 import GetLocationRequest, ListLocationsRequest
from google.cloud.tasks_v2 import (
    CmekConfig,
    CreateTaskRequest,
    HttpMethod,
    HttpRequest,
    Queue,
    RateLimits,
    Task,
)
from google.longrunning.operations_pb2 import GetOperationRequest
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import PubsubMessage, PushConfig

from emulator import Emulator
from tests.emulator.rest import clients
from tests.emulator.running import LOCATION, QUEUE
from tests.emulator.target import Target

NEW = f"{LOCATION}/queues/new"
TOPIC = "projects/sidelane-local/topics/topic"
SUBSCRIPTION = "projects/sidelane-local/subscriptions/subscription"


def live_a_queues_life(address: str) -> None:
    with clients.tasks_client(address) as client:
        limits = RateLimits(max_dispatches_per_second=0.5)
        created = client.create_queue(parent=LOCATION, queue=Queue(name=NEW, rate_limits=limits))
        assert created.rate_limits.max_dispatches_per_second == 0.5
        assert created.retry_config.min_backoff == timedelta(seconds=0.1)
        assert created.state == Queue.State.RUNNING
        with pytest.raises(Conflict, match="Queue already exists"):
            client.create_queue(parent=LOCATION, queue=Queue(name=NEW))
        assert [queue.name for queue in client.list_queues(parent=LOCATION)] == [NEW, QUEUE]

        changed = Queue(name=NEW, rate_limits=RateLimits(max_concurrent_dispatches=3))
        mask = FieldMask(paths=["rate_limits.max_concurrent_dispatches"])
        assert client.update_queue(queue=changed, update_mask=mask).rate_limits == RateLimits(
            max_dispatches_per_second=0.5, max_burst_size=100, max_concurrent_dispatches=3
        )
        assert client.pause_queue(name=NEW).state == Queue.State.PAUSED

        request = HttpRequest(
            url="http://target.example/", http_method=HttpMethod.PUT, headers={"A": "b"}, body=b"\xff\x00"
        )
        named = Task(name=f"{NEW}/tasks/t", http_request=request, dispatch_deadline=timedelta(seconds=20))
        task = client.create_task(request={"parent": NEW, "task": named, "response_view": Task.View.FULL})
        assert task.http_request.body == b"\xff\x00"
        assert task.http_request.http_method == HttpMethod.PUT
        assert task.dispatch_deadline == timedelta(seconds=20)
        full = {"name": task.name, "response_view": Task.View.FULL}
        assert client.get_task(request=full) == task
        for _ in range(4):
            client.create_task(parent=NEW, task=Task(http_request=request))
        names = [task.name for task in client.list_tasks(request={"parent": NEW, "page_size": 2})]
        assert len(set(names)) == 5
        client.delete_task(name=task.name)
        with pytest.raises(NotFound, match="no longer exists"):
            client.get_task(name=task.name)
        assert client.purge_queue(name=NEW).purge_time
        assert not list(client.list_tasks(parent=NEW))
        assert client.resume_queue(name=NEW).state == Queue.State.RUNNING
        client.delete_queue(name=NEW)
        with pytest.raises(NotFound, match="wait at least a minute"):
            client.get_queue(name=NEW)


async def test_a_queues_life(emulator: Emulator) -> None:
    await asyncio.to_thread(live_a_queues_life, emulator.addresses.http)


async def test_a_task_is_dispatched(emulator: Emulator, target: Target) -> None:
    def create() -> None:
        with clients.tasks_client(emulator.addresses.http) as client:
            request = HttpRequest(url="http://target.example/x", body=b"payload")
            client.create_task(parent=QUEUE, task=Task(http_request=request))

    await asyncio.to_thread(create)
    (request,) = await target.received(1)
    assert (request.method, request.body) == ("POST", b"payload")


async def test_a_task_is_run_though_its_queue_is_paused(emulator: Emulator, target: Target) -> None:
    def run() -> Task:
        with clients.tasks_client(emulator.addresses.http) as client:
            client.pause_queue(name=QUEUE)
            request = HttpRequest(url="http://target.example/x")
            created = client.create_task(parent=QUEUE, task=Task(http_request=request))
            return client.run_task(name=created.name)

    ran = await asyncio.to_thread(run)
    (request,) = await target.received(1)
    assert ran.name.endswith(request.headers["X-CloudTasks-TaskName"])


def create_and_delete_in_batches(address: str) -> None:
    with clients.tasks_client(address) as client:
        client.pause_queue(name=QUEUE)
        request = HttpRequest(url="http://target.example/x")
        requests = [
            CreateTaskRequest(parent=QUEUE, task=Task(name=f"{QUEUE}/tasks/t{number}", http_request=request))
            for number in range(2)
        ]
        creating = client.batch_create_tasks(request={"parent": QUEUE, "requests": requests})
        tasks = creating.result(timeout=10).tasks
        assert [task.name for task in tasks] == [f"{QUEUE}/tasks/t0", f"{QUEUE}/tasks/t1"]
        operation = client.get_operation(GetOperationRequest(name=creating.operation.name))
        assert operation.done
        names = [task.name for task in tasks]
        deleting = client.batch_delete_tasks(request={"parent": QUEUE, "names": names})
        deleting.result(timeout=10)
        assert not list(client.list_tasks(parent=QUEUE))


async def test_batches_and_their_operations(emulator: Emulator) -> None:
    await asyncio.to_thread(create_and_delete_in_batches, emulator.addresses.http)


def bind_a_member(address: str) -> None:
    with clients.tasks_client(address) as client:
        binding = {"role": "roles/cloudtasks.enqueuer", "members": ["user:a@example.com"]}
        assert not client.get_iam_policy(request={"resource": QUEUE}).bindings
        stored = client.set_iam_policy(request={"resource": QUEUE, "policy": {"bindings": [binding]}})
        assert client.get_iam_policy(request={"resource": QUEUE}) == stored
        assert list(stored.bindings[0].members) == ["user:a@example.com"]
        asked = {"resource": QUEUE, "permissions": ["cloudtasks.tasks.create"]}
        assert list(client.test_iam_permissions(request=asked).permissions) == ["cloudtasks.tasks.create"]


async def test_policies(emulator: Emulator) -> None:
    await asyncio.to_thread(bind_a_member, emulator.addresses.http)


def look_at_locations(address: str) -> None:
    with clients.tasks_client(address) as client:
        listed = client.list_locations(ListLocationsRequest(name="projects/sidelane-local")).locations
        assert LOCATION in [location.name for location in listed]
        assert client.get_location(GetLocationRequest(name=LOCATION)).location_id == "us-central1"
        key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
        config = CmekConfig(name=f"{LOCATION}/cmekConfig", kms_key=key)
        client.update_cmek_config(cmek_config=config)
        assert client.get_cmek_config(name=config.name).kms_key == config.kms_key


async def test_locations_and_keys(emulator: Emulator) -> None:
    await asyncio.to_thread(look_at_locations, emulator.addresses.http)


def publish_and_pull(address: str) -> None:
    with clients.publisher(address) as publisher, clients.subscriber(address) as subscriber:
        publisher.create_topic(name=TOPIC)
        with pytest.raises(Conflict):
            publisher.create_topic(name=TOPIC)
        created = subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=30)
        assert created.ack_deadline_seconds == 30
        assert [topic.name for topic in publisher.list_topics(project="projects/sidelane-local")] == [TOPIC]
        assert list(publisher.list_topic_subscriptions(topic=TOPIC)) == [SUBSCRIPTION]

        messages = [PubsubMessage(data=b"\xff\x00", attributes={"k": "v"}), PubsubMessage(data=b"second")]
        ids = publisher.publish(topic=TOPIC, messages=messages).message_ids
        pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10).received_messages
        assert [received.message.message_id for received in pulled] == list(ids)
        assert pulled[0].message.data == b"\xff\x00"
        assert dict(pulled[0].message.attributes) == {"k": "v"}
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[pulled[0].ack_id])
        subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=[pulled[1].ack_id], ack_deadline_seconds=0
        )
        (again,) = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10).received_messages
        assert again.message.data == b"second"

        push = PushConfig(push_endpoint="http://target.example/push")
        subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=push)
        stored = subscriber.get_subscription(subscription=SUBSCRIPTION).push_config
        assert stored.push_endpoint == push.push_endpoint
        with pytest.raises(BadRequest):
            subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=["1"], ack_deadline_seconds=601)
        subscriber.delete_subscription(subscription=SUBSCRIPTION)
        publisher.delete_topic(topic=TOPIC)
        with pytest.raises(NotFound):
            publisher.get_topic(topic=TOPIC)


async def test_publish_and_pull(emulator: Emulator) -> None:
    await asyncio.to_thread(publish_and_pull, emulator.addresses.http)
