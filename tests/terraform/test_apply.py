"""Terraform applies the configuration to the emulator: then there is no difference, a change is one call."""

from __future__ import annotations

import asyncio
import re

import pytest
from google.cloud.tasks_v2 import Queue
from google.protobuf.field_mask_pb2 import FieldMask

from contracts import load_catalog
from emulator import Emulator, cloud_tasks_client
from tests.emulator.gcloud.conftest import Gcloud
from tests.terraform.recorder import Call, Recorder
from tests.terraform.terraform import PROJECT, ROOT, Terraform, TerraformError

LOCATION = f"projects/{PROJECT}/locations/us-central1"
QUEUE = f"{LOCATION}/queues/developer-webhooks"


def _address(queue: str) -> str:
    return f'module.queue["{queue}"].google_cloud_tasks_queue.this'


async def edit(terraform: Terraform, pattern: str, by: str) -> None:
    """Change one line of the applied catalog."""
    catalog = terraform.path("queues.yaml")
    text = await asyncio.to_thread(catalog.read_text)
    changed, count = re.subn(pattern, by, text, count=1)
    assert count == 1
    await asyncio.to_thread(catalog.write_text, changed)


async def queues(emulator: Emulator) -> dict[str, Queue]:
    """Every queue of the project, by its id, as Google's client reads it."""
    client = await cloud_tasks_client(emulator.channel)
    return {queue.name.rpartition("/")[2]: queue async for queue in await client.list_queues(parent=LOCATION)}


@pytest.mark.timeout(180)
async def test_what_an_operator_does(terraform: Terraform, emulator: Emulator, calls: Recorder) -> None:
    await terraform.apply()
    catalog = await asyncio.to_thread(load_catalog, ROOT / "queues.yaml")
    applied = await queues(emulator)
    assert applied.keys() == {queue.name for queue in catalog.cloud_tasks_queues()}
    assert {name: queue.state for name, queue in applied.items()} == dict.fromkeys(
        applied, Queue.State.RUNNING
    )
    assert await terraform.is_unchanged()
    calls.changes()

    # A rate is tuned: one call, with this one field in its mask.
    await edit(terraform, r"max_dispatches_per_second: 300\b", "max_dispatches_per_second: 250")
    (change,) = (await terraform.plan()).changes()
    assert (change.address, change.actions) == (_address("notifications"), ("update",))
    await terraform.apply()
    (patch,) = calls.changes()
    assert (patch.method, patch.path) == (
        "PATCH",
        f"/v2/{LOCATION}/queues/notifications?updateMask=rateLimits",
    )
    assert (await queues(emulator))["notifications"].rate_limits.max_dispatches_per_second == 250
    assert await terraform.is_unchanged()

    # Somebody else changes a queue: the plan takes it back.
    client = await cloud_tasks_client(emulator.channel)
    drifted = Queue(name=QUEUE, rate_limits={"max_concurrent_dispatches": 7})
    await client.update_queue(
        queue=drifted, update_mask=FieldMask(paths=["rate_limits.max_concurrent_dispatches"])
    )
    (change,) = (await terraform.plan()).changes()
    assert change.address == _address("developer-webhooks")
    await terraform.apply()
    assert (await queues(emulator))["developer-webhooks"].rate_limits.max_concurrent_dispatches == 64

    # Paused and resumed by the variable, the sibling with it.
    calls.changes()
    await terraform.apply('-var=paused_queues=["developer-webhooks"]')
    assert sorted(calls.changes(), key=lambda call: call.path) == [
        Call("POST", f"/v2/{QUEUE}-retry:pause", {}),
        Call("POST", f"/v2/{QUEUE}:pause", {}),
    ]
    await terraform.apply()
    assert {call.path.rpartition(":")[2] for call in calls.changes()} == {"resume"}

    # Paused by hand: no difference for the plan, so the check says it.
    await client.pause_queue(name=QUEUE)
    assert await terraform.is_unchanged()
    said = await terraform("plan", *terraform.variables)
    assert "Not as declared: developer-webhooks is PAUSED" in " ".join(said.text.split())
    await client.resume_queue(name=QUEUE)

    # Protected in prod.
    with pytest.raises(TerraformError, match="is protected"):
        await terraform.destroy()


@pytest.mark.timeout(180)
async def test_a_queue_made_by_hand_is_imported_and_everything_destroyed(
    terraform: Terraform, emulator: Emulator, calls: Recorder
) -> None:
    terraform.variables[0] = "-var-file=envs/dev.tfvars"
    client = await cloud_tasks_client(emulator.channel)
    await client.create_queue(parent=LOCATION, queue=Queue(name=QUEUE))
    await terraform("import", *terraform.variables, _address("developer-webhooks"), QUEUE)
    await terraform.apply()
    made = [call.path for call in calls.changes() if call.method == "POST" and call.path.endswith("/queues")]
    assert len(made) == len(await queues(emulator)) - 1
    assert await terraform.is_unchanged()
    await terraform.destroy()
    assert await queues(emulator) == {}
    assert [backlog.subscription for backlog in await emulator.pubsub.backlogs()] == []


@pytest.mark.timeout(120)
async def test_gcloud_reads_back_what_was_applied(terraform: Terraform, gcloud: Gcloud) -> None:
    await terraform.apply()
    described = await gcloud(
        f"tasks queues describe developer-webhooks --location=us-central1 --project={PROJECT}"
    )
    assert described["rateLimits"]["maxDispatchesPerSecond"] == 200
    assert described["retryConfig"]["maxAttempts"] == -1
    subscription = await gcloud(
        f"pubsub subscriptions describe conversation-created-handlers --project={PROJECT}"
    )
    assert subscription["deadLetterPolicy"]["maxDeliveryAttempts"] == 100
    assert subscription["pushConfig"]["oidcToken"]["serviceAccountEmail"].startswith("sidelane-pushes@")
