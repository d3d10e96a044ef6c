"""`gcloud tasks` against the emulator: queues, tasks and policies, each story a chain of real commands."""

from __future__ import annotations

import pytest

from emulator import VirtualClock
from tests.emulator.gcloud.conftest import LOCATION, Gcloud, GcloudError
from tests.emulator.target import Target

pytestmark = pytest.mark.timeout(180)

QUEUE = f"{LOCATION}/queues/mail"
AT = "--location=us-central1"
IN = f"--queue=mail {AT}"


async def test_a_queues_settings(gcloud: Gcloud) -> None:
    created = await gcloud(
        f"tasks queues create mail {AT} --max-dispatches-per-second=5 --max-attempts=7 --min-backoff=0.5s"
    )
    assert created == {
        "name": QUEUE,
        "rateLimits": {"maxBurstSize": 100, "maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 5.0},
        "retryConfig": {
            "maxAttempts": 7,
            "maxBackoff": "3600s",
            "maxDoublings": 16,
            "minBackoff": "0.500s",
        },
        "state": "RUNNING",
    }
    assert await gcloud(f"tasks queues list {AT}") == [created]
    with pytest.raises(GcloudError, match="ALREADY_EXISTS: Queue already exists"):
        await gcloud(f"tasks queues create mail {AT}")

    updated = await gcloud(
        f"tasks queues update mail {AT} --max-concurrent-dispatches=4 --max-doublings=3 --clear-max-attempts"
        " --log-sampling-ratio=0.5"
    )
    assert updated["rateLimits"] == {**created["rateLimits"], "maxConcurrentDispatches": 4}
    assert updated["retryConfig"] == {**created["retryConfig"], "maxAttempts": 100, "maxDoublings": 3}
    assert updated["stackdriverLoggingConfig"] == {"samplingRatio": 0.5}
    assert await gcloud(f"tasks queues describe mail {AT}") == updated
    with pytest.raises(GcloudError, match=r"maxDispatchesPerSecond must be less than or equal to 500"):
        await gcloud(f"tasks queues update mail {AT} --max-dispatches-per-second=501")

    override = "--http-uri-override=scheme:http,host:handler.example,port:81,path:/do"
    targeted = await gcloud(f"tasks queues update mail {AT} --http-method-override=put {override}")
    assert targeted["httpTarget"]["httpMethod"] == "PUT"
    assert targeted["httpTarget"]["uriOverride"]["port"] == "81"
    assert targeted["rateLimits"] == updated["rateLimits"]
    cleared = await gcloud(f"tasks queues update mail {AT} --clear-http-uri-override")
    assert "uriOverride" not in cleared["httpTarget"]

    await gcloud(f"tasks queues delete mail {AT}")
    assert await gcloud(f"tasks queues list {AT}") == []
    with pytest.raises(GcloudError, match="NOT_FOUND: Queue does not exist"):
        await gcloud(f"tasks queues describe mail {AT}")


async def test_tasks_of_a_paused_queue(gcloud: Gcloud, target: Target) -> None:
    await gcloud(f"tasks queues create mail {AT}")
    await gcloud(f"tasks queues pause mail {AT}")
    assert (await gcloud(f"tasks queues describe mail {AT}"))["state"] == "PAUSED"

    url = "--url=http://handler.example/x"
    named = await gcloud(
        f"tasks create-http-task t1 {IN} {url} --method=put --header=A:b --body-content=hi"
        " --oidc-service-account-email=a@b.example --oidc-token-audience=aud"
    )
    assert named["name"] == f"{QUEUE}/tasks/t1"
    assert named["httpRequest"]["oidcToken"] == {"audience": "aud", "serviceAccountEmail": "a@b.example"}
    assert "body" not in named["httpRequest"]
    unnamed = await gcloud(f"tasks create-http-task {IN} {url}")
    assert unnamed["httpRequest"]["httpMethod"] == "POST"
    app_engine = await gcloud(f"tasks create-app-engine-task t2 {IN} --relative-uri=/work")
    assert app_engine["appEngineHttpRequest"]["relativeUri"] == "/work"
    with pytest.raises(GcloudError, match="ALREADY_EXISTS: Requested entity already exists"):
        await gcloud(f"tasks create-http-task t1 {IN} {url}")
    with pytest.raises(GcloudError, match=r"Task ID .* can contain only letters"):
        await gcloud(f"tasks create-http-task t.1 {IN} {url}")

    assert {task["name"] for task in await gcloud(f"tasks list {IN}")} == {
        task["name"] for task in (named, unnamed, app_engine)
    }
    full = await gcloud(f"tasks describe t1 {IN} --response-view=full")
    assert full["httpRequest"]["body"] == "aGk="
    assert target.requests == []

    ran = await gcloud(f"tasks run t1 {IN}")
    assert ran["name"] == named["name"]
    (request,) = await target.received(1)
    assert (request.method, request.url, request.body) == ("PUT", "http://handler.example/x", b"hi")
    assert request.headers["A"] == "b"
    assert request.headers["Authorization"].startswith("Bearer ")

    await gcloud(f"tasks delete t2 {IN}")
    with pytest.raises(GcloudError, match="NOT_FOUND: The task no longer exists"):
        await gcloud(f"tasks describe t2 {IN}")
    await gcloud(f"tasks queues purge mail {AT}")
    assert await gcloud(f"tasks list {IN}") == []


async def test_tasks_leave_when_they_may(gcloud: Gcloud, target: Target, clock: VirtualClock) -> None:
    override = "--http-uri-override=scheme:http,host:handler.example,path:/do"
    await gcloud(f"tasks queues create mail {AT} {override}")
    await gcloud(f"tasks buffer --task-id=b1 {IN}")
    await gcloud(f"tasks buffer {IN}")
    requests = await target.received(2)
    assert {request.url for request in requests} == {"http://handler.example/do"}
    assert target.names()[0] == "b1"

    await gcloud(f"tasks queues pause mail {AT}")
    await gcloud(f"tasks create-http-task waits {IN} --url=http://handler.example/x")
    await gcloud(f"tasks queues resume mail {AT}")
    await target.received(3)
    assert target.names()[2] == "waits"


async def test_policies_and_locations(gcloud: Gcloud) -> None:
    await gcloud(f"tasks queues create mail {AT}")
    assert "bindings" not in await gcloud(f"tasks queues get-iam-policy mail {AT}")
    member = "--member=user:a@example.com --role=roles/cloudtasks.enqueuer"
    added = await gcloud(f"tasks queues add-iam-policy-binding mail {AT} {member}")
    binding = {"members": ["user:a@example.com"], "role": "roles/cloudtasks.enqueuer"}
    assert added["bindings"] == [binding]
    assert (await gcloud(f"tasks queues get-iam-policy mail {AT}"))["bindings"] == [binding]
    removed = await gcloud(f"tasks queues remove-iam-policy-binding mail {AT} {member}")
    assert "bindings" not in removed
    assert LOCATION in [location["name"] for location in await gcloud("tasks locations list")]
    assert (await gcloud("tasks locations describe us-central1"))["locationId"] == "us-central1"
