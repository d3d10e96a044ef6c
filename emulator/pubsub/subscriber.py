"""Answers google.pubsub.v1.Subscriber: subscriptions, pull and acknowledgement; it pushes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.errors import InvalidArgumentError
from emulator.grpc_api import Method
from emulator.pubsub import answers, backlog, names, subscriptions, topics
from emulator.pubsub.backlog import Delivery, Lease
from emulator.pubsub.changes import PUSH_SUBSCRIPTIONS, Changes, Wakeups
from emulator.pubsub.pages import cursor, next_token
from emulator.pubsub.resources import LONGEST_ACK_DEADLINE, checked_push_config, checked_subscription
from emulator.pubsub.wire import method
from emulator.store import Store

PULL_WAIT = 5.0  # seconds that a pull of an empty backlog waits; Google names no figure
PULLED_MESSAGES = 1000


class SubscriberApi:
    """The calls of the Subscriber service, each from its request to its response. Raise ApiError."""

    def __init__(self, store: Store, changes: Changes, wakeups: Wakeups, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._wakeups = wakeups
        self._clock = clock

    def methods(self) -> Mapping[str, tuple[Any, Method]]:
        return {
            "CreateSubscription": method(types.Subscription, self.create_subscription),
            "GetSubscription": method(types.GetSubscriptionRequest, self.get_subscription),
            "ListSubscriptions": method(types.ListSubscriptionsRequest, self.list_subscriptions),
            "DeleteSubscription": method(types.DeleteSubscriptionRequest, self.delete_subscription),
            "ModifyPushConfig": method(types.ModifyPushConfigRequest, self.modify_push_config),
            "Pull": method(types.PullRequest, self.pull),
            "Acknowledge": method(types.AcknowledgeRequest, self.acknowledge),
            "ModifyAckDeadline": method(types.ModifyAckDeadlineRequest, self.modify_ack_deadline),
        }

    async def create_subscription(self, request: types.Subscription) -> types.Subscription:
        subscription = checked_subscription(request)

        def write(db: sqlite3.Connection) -> None:
            topics.require(db, subscription.topic)
            subscriptions.create(db, subscription)

        await self._changes.commit(write, concerns=lambda _: (PUSH_SUBSCRIPTIONS,))
        return subscription

    async def get_subscription(self, request: types.GetSubscriptionRequest) -> types.Subscription:
        name = names.check_subscription(request.subscription)
        return (await self._store.read(lambda db: subscriptions.get(db, name))).resource

    async def list_subscriptions(
        self, request: types.ListSubscriptionsRequest
    ) -> types.ListSubscriptionsResponse:
        project = names.check_project(request.project)
        asked = cursor(request.page_size, request.page_token)
        page = await self._store.read(lambda db: subscriptions.page(db, project, asked))
        token = next_token([subscription.name for subscription in page], asked)
        return types.ListSubscriptionsResponse(subscriptions=page, next_page_token=token)

    async def delete_subscription(self, request: types.DeleteSubscriptionRequest) -> None:
        name = names.check_subscription(request.subscription)
        await self._changes.commit(
            lambda db: subscriptions.delete(db, name), concerns=lambda _: (PUSH_SUBSCRIPTIONS, name)
        )

    async def modify_push_config(self, request: types.ModifyPushConfigRequest) -> None:
        name = names.check_subscription(request.subscription)
        push_config = checked_push_config(request.push_config)
        now = round(self._clock.now() * 1_000_000)

        def write(db: sqlite3.Connection) -> None:
            subscription = subscriptions.get(db, name).resource
            subscription.push_config = push_config
            subscriptions.update(db, subscription, now)

        await self._changes.commit(write, concerns=lambda _: (PUSH_SUBSCRIPTIONS, name))

    async def pull(self, request: types.PullRequest) -> types.PullResponse:
        name = names.check_subscription(request.subscription)
        if request.max_messages < 1:
            raise InvalidArgumentError(f"PullRequest.max_messages is {request.max_messages}: give 1 or more.")
        limit = min(request.max_messages, PULLED_MESSAGES)
        wait = 0.0 if request.return_immediately else PULL_WAIT
        deliveries = await self._pull(name, limit, self._clock.now() + wait)
        received = [
            types.ReceivedMessage(
                ack_id=str(delivery.ack_id),
                message=delivery.message,
                # The service tells it only under a dead-letter policy; here it is always told.
                delivery_attempt=delivery.ack_id.attempt,
            )
            for delivery in deliveries
        ]
        return types.PullResponse(received_messages=received)

    async def acknowledge(self, request: types.AcknowledgeRequest) -> None:
        name = names.check_subscription(request.subscription)
        _require_ack_ids(request.ack_ids)

        def write(db: sqlite3.Connection) -> None:
            stored = subscriptions.get(db, name)
            backlog.acknowledge(db, backlog.parse_ack_ids(request.ack_ids, stored))

        await self._store.write(write)

    async def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        name = names.check_subscription(request.subscription)
        _require_ack_ids(request.ack_ids)
        seconds = request.ack_deadline_seconds
        if not 0 <= seconds <= LONGEST_ACK_DEADLINE:
            raise InvalidArgumentError(
                f"ModifyAckDeadlineRequest.ack_deadline_seconds is {seconds}: "
                f"give 0 (deliver again) to {LONGEST_ACK_DEADLINE} seconds."
            )
        now = round(self._clock.now() * 1_000_000)

        def write(db: sqlite3.Connection) -> None:
            stored = subscriptions.get(db, name)
            ack_ids = backlog.parse_ack_ids(request.ack_ids, stored)
            backlog.modify_ack_deadline(db, stored, ack_ids, seconds=seconds, now=now)

        await self._changes.commit(write, concerns=lambda _: (name,))

    async def _pull(self, name: str, limit: int, until: float) -> list[Delivery]:
        """Lease what is due, at the latest at `until`; nothing, where nothing is due by then."""
        with self._wakeups.listen(name) as woken:
            while True:
                woken.clear()
                now = self._clock.now()
                lease = await self._store.write(_lease_job(name, limit, round(now * 1_000_000)))
                if lease.deliveries or now >= until:
                    return list(lease.deliveries)
                due = until if lease.next_due is None else min(until, lease.next_due / 1_000_000)
                await self._wakeups.wait(woken, due)


def _lease_job(name: str, limit: int, now: int) -> Any:
    def write(db: sqlite3.Connection) -> Lease:
        stored = subscriptions.get(db, name)
        if stored.is_push:
            raise answers.push_only(name)
        return backlog.lease(db, stored, limit=limit, seconds=stored.resource.ack_deadline_seconds, now=now)

    return write


def _require_ack_ids(ack_ids: Any) -> None:
    if not ack_ids:
        raise InvalidArgumentError("You have not specified an ack ID in the request.")
