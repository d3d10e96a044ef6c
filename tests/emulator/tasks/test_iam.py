"""The policies of queues, by the unmodified client."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import Aborted, InvalidArgument, NotFound
from google.cloud.tasks_v2 import CloudTasksAsyncClient
from google.iam.v1.policy_pb2 import Binding, Policy

from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, Running, queue, tasks_client

MISSING = f"{LOCATION}/queues/missing"
ENQUEUER = Binding(role="roles/cloudtasks.enqueuer", members=["user:a@example.com"])
VIEWER = Binding(role="roles/cloudtasks.viewer", members=["allUsers"])


async def bind(client: CloudTasksAsyncClient, binding: Binding) -> Policy:
    """What `gcloud tasks queues add-iam-policy-binding` does: read, add, write with the etag read."""
    policy = await client.get_iam_policy({"resource": QUEUE})
    policy.bindings.append(binding)
    return await client.set_iam_policy({"resource": QUEUE, "policy": policy})


async def test_a_policy_is_read_changed_and_written_and_survives_a_restart(running: Running) -> None:
    queues = [queue(QUEUE), queue(OTHER_QUEUE)]
    async with running(queues=queues) as emulator, tasks_client(emulator.addresses.tasks) as client:
        empty = await client.get_iam_policy({"resource": QUEUE})
        assert empty == Policy(etag=empty.etag)
        assert (await bind(client, ENQUEUER)).bindings == [ENQUEUER]
        written = await bind(client, VIEWER)
        assert written.bindings == [ENQUEUER, VIEWER]
    async with running(queues=queues) as emulator, tasks_client(emulator.addresses.tasks) as client:
        assert await client.get_iam_policy({"resource": QUEUE}) == written
        assert not (await client.get_iam_policy({"resource": OTHER_QUEUE})).bindings


async def test_of_two_changes_of_what_was_read_once_the_second_is_aborted(
    client: CloudTasksAsyncClient,
) -> None:
    policy = await client.get_iam_policy({"resource": QUEUE})
    policy.bindings.append(ENQUEUER)
    await client.set_iam_policy({"resource": QUEUE, "policy": policy})
    with pytest.raises(Aborted, match="Please retry the whole read-modify-write"):
        await client.set_iam_policy({"resource": QUEUE, "policy": policy})
    assert (await client.get_iam_policy({"resource": QUEUE})).bindings == [ENQUEUER]


async def test_all_permissions_are_granted_on_what_exists(client: CloudTasksAsyncClient) -> None:
    asked = ["cloudtasks.tasks.create", "cloudtasks.queues.get"]
    answer = await client.test_iam_permissions({"resource": QUEUE, "permissions": asked})
    assert answer.permissions == asked
    answer = await client.test_iam_permissions({"resource": MISSING, "permissions": asked})
    assert answer.permissions == []
    with pytest.raises(InvalidArgument, match="Queue name must be formatted"):
        await client.test_iam_permissions({"resource": "nonsense", "permissions": asked})


async def test_a_missing_queue_has_no_policy(client: CloudTasksAsyncClient) -> None:
    with pytest.raises(NotFound, match="Queue does not exist"):
        await client.get_iam_policy({"resource": MISSING})
    with pytest.raises(NotFound, match="Queue does not exist"):
        await client.set_iam_policy({"resource": MISSING, "policy": Policy(bindings=[ENQUEUER])})


async def test_a_policy_leaves_with_its_queue(client: CloudTasksAsyncClient) -> None:
    await bind(client, ENQUEUER)
    await client.delete_queue(name=QUEUE)
    await client.create_queue(parent=LOCATION, queue=queue(QUEUE))
    assert not (await client.get_iam_policy({"resource": QUEUE})).bindings
