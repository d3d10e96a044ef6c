"""Tasks that are given up: kept with their attempts, put back, forgotten, bounded."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import CloudTasksAsyncClient, RetryConfig, Task

from emulator import ApiError, Failure, FailureReason, TasksSettings, VirtualClock
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import DeadTask, TasksService, dead_rows
from tests.emulator.running import OTHER_QUEUE, QUEUE, task
from tests.emulator.target import Target

NAME = f"{QUEUE}/tasks/t"
DAY = 24 * 3600
TWO_ATTEMPTS = RetryConfig(max_attempts=2, min_backoff={"seconds": 10})
ONE_ATTEMPT = RetryConfig(max_attempts=1)


def with_retry(made: Task, retry: RetryConfig) -> Task:
    made.retry_config = retry
    return made


async def dead_of(service: TasksService, count: int) -> Sequence[DeadTask]:
    """The dead tasks, once nothing waits or is under way; there must be `count`."""
    await service.drained()
    dead = await service.dead()
    assert len(dead) == count
    return dead


async def exhaust(
    client: CloudTasksAsyncClient,
    service: TasksService,
    target: Target,
    name: str = "t",
    queue_name: str = QUEUE,
) -> None:
    """Create a task whose only attempt fails, and let it die."""
    target.will_answer([500])
    made = task(f"{queue_name}/tasks/{name}", body=name.encode())
    await client.create_task(parent=queue_name, task=with_retry(made, ONE_ATTEMPT))
    await service.drained()


async def test_an_exhausted_task_is_gone_for_the_api_and_kept_with_its_attempts(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target
) -> None:
    begin = clock.now()
    target.will_answer([500, Failure(FailureReason.TIMEOUT, "too slow")])
    made = with_retry(task("t", body=b"payload"), TWO_ATTEMPTS)
    await client.create_task(parent=QUEUE, task=made)
    clock.advance_to(await clock.wait_for_timer(by=begin + 30))
    await target.received(2)
    (dead,) = await dead_of(service, 1)
    assert (dead.queue, dead.task_id, dead.died_at) == (QUEUE, "t", begin + 10)
    assert dead.reason == "its attempts (2) are used up, the last one ended with 504 (too slow)"
    assert Task.deserialize(dead.message).http_request.body == b"payload"
    assert dead.dispatch_count == 2
    assert [(attempt.number, attempt.status, attempt.detail) for attempt in dead.attempts] == [
        (1, 500, ""),
        (2, 504, "too slow"),
    ]
    assert [attempt.dispatch_time for attempt in dead.attempts] == [begin, begin + 10]
    with pytest.raises(NotFound, match="The task no longer exists, though a task with this name existed"):
        await client.get_task(name=NAME)
    assert await service.attempts(NAME) == dead.attempts
    assert service.statistics().exhausted_total == 1


async def test_a_dead_task_put_back_goes_at_once_with_fresh_attempts(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target
) -> None:
    await exhaust(client, service, target)
    clock.advance(60)
    await service.requeue(NAME)
    await target.received(2)
    again = target.requests[1]
    assert again.body == b"t"
    assert again.headers["X-CloudTasks-TaskRetryCount"] == "0"
    assert "X-CloudTasks-TaskPreviousResponse" not in again.headers
    assert float(again.headers["X-CloudTasks-TaskETA"]) == clock.now()
    assert await dead_of(service, 0) == []
    assert [attempt.status for attempt in await service.attempts(NAME)] == [200]


async def test_a_task_put_back_survives_a_restart(
    client: CloudTasksAsyncClient,
    service: TasksService,
    store: Store,
    clock: VirtualClock,
    issuer: TokenIssuer,
    target: Target,
) -> None:
    await exhaust(client, service, target)
    await client.pause_queue(name=QUEUE)
    await service.requeue(NAME)
    assert (await client.get_task(name=NAME)).dispatch_count == 0
    await service.aclose()
    again = TasksService(store, clock=clock, issuer=issuer, sender=target, settings=TasksSettings())
    await again.open([])
    await again._api._queues.set_paused(QUEUE, False)
    await target.received(2)
    await again.aclose()


async def test_what_cannot_be_put_back_says_so(
    client: CloudTasksAsyncClient, service: TasksService, target: Target
) -> None:
    await exhaust(client, service, target)
    await client.pause_queue(name=QUEUE)
    await service.requeue(NAME)
    for name, code, message in (
        (NAME, grpc.StatusCode.ALREADY_EXISTS, "Requested entity already exists"),
        (f"{QUEUE}/tasks/other", grpc.StatusCode.NOT_FOUND, "Requested entity was not found."),
        ("t", grpc.StatusCode.INVALID_ARGUMENT, ""),
    ):
        with pytest.raises(ApiError) as caught:
            await service.requeue(name)
        assert caught.value.code is code
        assert caught.value.message.startswith(message)
    for call in (service.discard_dead, service.attempts):
        with pytest.raises(ApiError, match="Requested entity was not found"):
            await call(f"{QUEUE}/tasks/other")


async def test_a_dead_task_can_be_forgotten(
    client: CloudTasksAsyncClient, service: TasksService, target: Target
) -> None:
    await exhaust(client, service, target)
    await service.discard_dead(NAME)
    with pytest.raises(ApiError, match="Requested entity was not found"):
        await service.requeue(NAME)


async def test_dead_tasks_are_listed_by_queue_and_page(
    client: CloudTasksAsyncClient, service: TasksService, target: Target
) -> None:
    for number, queue_name in enumerate((QUEUE, OTHER_QUEUE, QUEUE)):
        await exhaust(client, service, target, f"t-{number}", queue_name)
    first, second, third = await service.dead()
    assert [dead.task_id for dead in (first, second, third)] == ["t-0", "t-1", "t-2"]
    assert await service.dead(OTHER_QUEUE) == [second]
    assert await service.dead(QUEUE, after=first.key) == [third]
    assert await service.dead(limit=2) == [first, second]
    with pytest.raises(ApiError, match="Queue does not exist"):
        await service.dead(f"{QUEUE}-unknown")
    await client.delete_queue(name=QUEUE)
    assert await service.dead() == [second]


async def test_the_oldest_dead_task_leaves_and_is_counted(
    client: CloudTasksAsyncClient,
    service: TasksService,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dead_rows.drop_oldest, "__kwdefaults__", {"kept": 2})
    for number in range(4):
        await exhaust(client, service, target, f"t-{number}")
    dead = await dead_of(service, 2)
    assert {f"t-{number}" for number in range(4)} > {entry.task_id for entry in dead}
    assert service.statistics().dead_dropped_total == 2


async def test_a_task_of_31_days_is_kept_as_dead(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t"))
    clock.advance(32 * DAY)
    await clock.wait_for_timer()  # the sweep is done
    (dead,) = await service.dead()
    assert (dead.task_id, dead.reason) == ("t", "it is 31 days old, and was not delivered")
    assert dead.attempts == ()
    await client.resume_queue(name=QUEUE)
    await service.requeue(NAME)
    await target.received(1)


async def test_attempts_of_a_task_that_waits_and_of_one_that_succeeded(
    client: CloudTasksAsyncClient, service: TasksService, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([503])
    await client.create_task(parent=QUEUE, task=with_retry(task("t"), TWO_ATTEMPTS))
    again = await clock.wait_for_timer(by=clock.now() + 30)
    (first,) = await service.attempts(NAME)
    assert (first.number, first.status, first.schedule_time) == (1, 503, clock.now())
    clock.advance_to(again)
    await target.received(2)
    await service.drained()
    assert [(attempt.number, attempt.status) for attempt in await service.attempts(NAME)] == [
        (1, 503),
        (2, 200),
    ]
