"""Accepts side effects: from a typed task to a named Cloud Task and its receipt. It never runs one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import ValidationError

from contracts import (
    Catalog,
    CatalogError,
    Envelope,
    Event,
    InvalidTask,
    Position,
    Queue,
    Task,
    TaskRegistry,
    UnknownTask,
)
from producers.claim_check import ClaimCheck
from producers.cloud_tasks import CloudTasks
from producers.connection import Sleep
from producers.enqueue import bind, unbind
from producers.errors import (
    AlreadyOpen,
    InvalidIdentity,
    NotOpen,
    PartlyEnqueued,
    UnknownQueue,
    UnknownTopic,
    UnregisteredTask,
)
from producers.many import Many, Prepared
from producers.pubsub import PubSub
from producers.receipt import Receipt
from producers.schedule import check_schedule
from producers.services import TaskService, TopicService
from producers.settings import ProducerSettings
from producers.task_request import TaskRequests
from producers.trace import traceparent
from stores import Blobs

Clock = Callable[[], datetime]


FIRST = Position(attempt=1, park=0)


def _now() -> datetime:
    return datetime.now(UTC)


class Producer:
    """The request path's way to Cloud Tasks and Pub/Sub. One for each event loop, opened in the lifespan.

    Every method may raise `NotOpen` (also when called from another loop than the one that opened it),
    `Unreachable` after `settings.enqueue_deadline`, and `Refused`.
    """

    def __init__(
        self,
        settings: ProducerSettings,
        catalog: Catalog,
        registry: TaskRegistry,
        *,
        clock: Clock = _now,
        sleep: Sleep = asyncio.sleep,
        blobs: Blobs | None = None,
        tasks: TaskService | None = None,
        topics: TopicService | None = None,
    ) -> None:
        """`blobs` takes what is too large for a task; it is opened and closed by who gives it.

        `tasks` and `topics` stand in for the services that the settings name.
        """
        self._claim_check = ClaimCheck(blobs)
        self._catalog = catalog
        self._registry = registry
        self._clock = clock
        self._requests = TaskRequests(settings)
        self._tasks = tasks or CloudTasks(settings, sleep=sleep)
        self._topics = topics or PubSub(settings, sleep=sleep)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Become the producer of the running event loop, for `enqueue` and its siblings too.

        Raises:
            UnknownQueue: a registered task type names a queue that the catalog lacks.
            AlreadyOpen: this producer is open, or the loop has another.
            InvalidSettings: there are no credentials for Google's services.
        """
        try:
            self._catalog.check(self._registry)
        except CatalogError as error:
            raise UnknownQueue(str(error)) from error
        if self._loop is not None:
            raise AlreadyOpen
        loop = asyncio.get_running_loop()
        bind(loop, self)
        self._loop = loop
        try:
            await self._tasks.open()
            await self._topics.open()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Refuse new calls and close; calls under way are waited for within their deadline."""
        if self._loop is None:
            return
        self._check_open()
        unbind(self._loop)
        self._loop = None
        await asyncio.gather(self._tasks.aclose(), self._topics.aclose())

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def enqueue(self, task: Task, *, schedule_at: datetime | None = None) -> Receipt:
        """Accept a side effect; on return it is durable. Doing it again for the same event is safe.

        Raises:
            UnregisteredTask, UnknownQueue: this deployment does not know the type, or its queue.
            InvalidIdentity, TaskTooLarge: this very task cannot be carried. What is over the queue's
                `inline_limit_bytes` goes to the blob store first, which may take 10 s more.
            InvalidSchedule: `schedule_at` is naive or more than 30 days ahead.
        """
        self._check_open()
        prepared = await self._prepare(task, schedule_at)
        return self._receipt(prepared, await self._tasks.create(prepared.request))

    async def enqueue_many(self, tasks: Iterable[Task]) -> tuple[Receipt, ...]:
        """Accept many side effects, a hundred in one call where they can be; receipts are in their order.

        Once the service is found unreachable, the rest is not tried.

        Raises:
            PartlyEnqueued: with the receipts, and for each task that failed what `enqueue` would raise.
        """
        self._check_open()
        many = Many(self._prepare, self._tasks)
        await many.run(tasks)
        receipts = {place: self._receipt(*done) for place, done in sorted(many.created.items())}
        if many.failures:
            raise PartlyEnqueued(receipts, dict(sorted(many.failures.items())))
        return tuple(receipts.values())

    async def cancel(self, accepted: Receipt | Task) -> bool:
        """Take an enqueued task back before it runs.

        True: Cloud Tasks has it no more, and never dispatches it again. An attempt that is being made at this
        very moment is not broken off, and if it fails its next attempt goes on: a task is safely cancelled
        until its time comes (`schedule_at`). Its name stays taken for up to a day, in which the same event is
        told as a duplicate and not run.

        False: it was dispatched and has ended or gone on, was cancelled before, or was never there. A lost
        answer to a call that worked is told as False too.
        """
        self._check_open()
        if isinstance(accepted, Receipt):
            return await self._tasks.delete(accepted.task)
        queue, envelope = self._queue_of(accepted), self._seal(accepted)
        return await self._tasks.delete(self._requests.name(queue.name, envelope.task_id))

    async def forward(
        self, envelope: Envelope, cloud_queue: str, *, schedule_at: datetime | None = None
    ) -> Receipt:
        """Send an accepted task on: its next attempt, a park, a replay. Its type need not be known here,
        and no size is too large.

        Raises:
            UnknownQueue: no queue of the catalog, and no `-retry` sibling, has this name.
            InvalidSchedule: as for `enqueue`.
            PayloadGone: it is a replay, whose blob is kept no longer.
        """
        self._check_open()
        if schedule_at is not None:
            check_schedule(schedule_at, self._clock())
        queue = self._catalog.carrying(cloud_queue)
        if queue is None:
            raise UnknownQueue(
                f"no queue of the catalog carries {cloud_queue!r}; it has: "
                + ", ".join(queue.name for queue in self._catalog)
            )
        if envelope.position == FIRST:
            await self._claim_check.renew(envelope, queue=queue)
        request = self._requests.build(envelope, envelope.encode(), cloud_queue, queue, schedule_at)
        return _receipt(envelope, request, cloud_queue, await self._tasks.create(request))

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Publish to a topic of the project (its id alone); returns the message id once Pub/Sub confirmed.

        Raises:
            UnknownTopic: Pub/Sub has no such topic.
        """
        self._check_open()
        return await self._topics.publish(topic, data, attributes)

    async def publish_event(self, event: Event) -> str:
        """Tell what concerns many targets; returns the message id once Pub/Sub confirmed.

        Telling an event again is safe: what follows from it is named by its identity.

        Raises:
            UnknownTopic: the catalog, or Pub/Sub, has no topic of the event's name.
            InvalidIdentity: this very event cannot be carried.
        """
        self._check_open()
        try:
            topic = self._catalog.topic_of(type(event))
            data, attributes = event.to_message(trace=traceparent())
        except CatalogError as error:
            raise UnknownTopic(str(error)) from error
        except InvalidTask as error:
            raise InvalidIdentity(f"event {event.name!r}: {error}") from error
        return await self._topics.publish(topic.name, data, attributes)

    def _check_open(self) -> None:
        if self._loop is not asyncio.get_running_loop():
            raise NotOpen

    def _queue_of(self, task: Task) -> Queue:
        try:
            known = self._registry.get(task.name)
        except UnknownTask:
            known = None
        if known is not type(task):
            raise UnregisteredTask(task.name, type(task).__qualname__)
        try:
            return self._catalog.get(task.route())
        except CatalogError as error:
            raise UnknownQueue(f"task type {task.name!r}: {error}") from error

    def _seal(self, task: Task, schedule_at: datetime | None = None) -> Envelope:
        now = self._clock()
        try:
            # A delayed task is as old as the time for which it was told.
            accepted_at = now if schedule_at is None else max(now, schedule_at)
            return Envelope.seal(task, accepted_at=accepted_at, trace=traceparent())
        except InvalidTask as error:
            raise InvalidIdentity(f"task {task.name!r}: {error}") from error
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise InvalidIdentity(f"task {task.name!r}: {fault['loc'][0]}: {fault['msg']}") from error

    async def _prepare(self, task: Task, schedule_at: datetime | None = None) -> Prepared:
        queue = self._queue_of(task)
        if schedule_at is not None:
            check_schedule(schedule_at, self._clock())
        sealed = self._seal(task, schedule_at)
        envelope, body = await self._claim_check.settle(sealed, owner=task.owner(), queue=queue)
        request = self._requests.build(envelope, body, queue.name, queue, schedule_at)
        return Prepared(task, envelope, queue.name, request)

    def _receipt(self, prepared: Prepared, created: bool) -> Receipt:
        receipt = _receipt(prepared.envelope, prepared.request, prepared.cloud_queue, created)
        self._accepted(prepared.task, receipt)
        return receipt

    def _accepted(self, task: Task, receipt: Receipt) -> None:
        """Told of each task that was enqueued, in their order."""


def _receipt(envelope: Envelope, request: Any, cloud_queue: str, created: bool) -> Receipt:
    return Receipt(
        task=request.task.name,
        queue=cloud_queue,
        type=envelope.type,
        identity=envelope.identity,
        delivery_id=envelope.delivery_id,
        accepted_at=envelope.accepted_at,
        duplicate=not created,
    )
