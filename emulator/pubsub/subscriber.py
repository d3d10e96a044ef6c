"""Answers google.pubsub.v1.Subscriber for subscriptions and single pulls; it streams and pushes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.errors import InvalidArgumentError
from emulator.grpc_api import Methods
from emulator.pubsub import answers, names, subscription_update, subscriptions, times
from emulator.pubsub.changes import PUSH_SUBSCRIPTIONS, Changes
from emulator.pubsub.field_masks import merged
from emulator.pubsub.pages import cursor, next_token
from emulator.pubsub.puller import PULLED_MESSAGES, Puller, Settlement, received_message
from emulator.pubsub.push_config import checked_push_config
from emulator.pubsub.resources import MUTABLE_OF_SUBSCRIPTION, checked_settings, checked_subscription
from emulator.pubsub.wire import method
from emulator.store import Store

PULL_WAIT = 5.0  # seconds that a pull of an empty backlog waits; Google names no figure


class SubscriberApi:
    """The calls of the Subscriber service, each from its request to its response. Raise ApiError."""

    def __init__(self, store: Store, changes: Changes, puller: Puller, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._puller = puller
        self._clock = clock

    def methods(self) -> Methods:
        return {
            "CreateSubscription": method(types.Subscription, self.create_subscription),
            "GetSubscription": method(types.GetSubscriptionRequest, self.get_subscription),
            "UpdateSubscription": method(types.UpdateSubscriptionRequest, self.update_subscription),
            "ListSubscriptions": method(types.ListSubscriptionsRequest, self.list_subscriptions),
            "DeleteSubscription": method(types.DeleteSubscriptionRequest, self.delete_subscription),
            "ModifyPushConfig": method(types.ModifyPushConfigRequest, self.modify_push_config),
            "Pull": method(types.PullRequest, self.pull),
            "Acknowledge": method(types.AcknowledgeRequest, self.acknowledge),
            "ModifyAckDeadline": method(types.ModifyAckDeadlineRequest, self.modify_ack_deadline),
        }

    async def create_subscription(self, request: types.Subscription) -> types.Subscription:
        subscription = checked_subscription(request)

        def write(db: sqlite3.Connection) -> types.Subscription:
            subscriptions.create(db, subscription)
            return subscriptions.get(db, subscription.name).resource

        return await self._changes.commit(write, concerns=lambda _: (PUSH_SUBSCRIPTIONS,))

    async def get_subscription(self, request: types.GetSubscriptionRequest) -> types.Subscription:
        name = names.check_subscription(request.subscription)
        return (await self._store.read(lambda db: subscriptions.get(db, name))).resource

    async def update_subscription(self, request: types.UpdateSubscriptionRequest) -> types.Subscription:
        name = names.check_subscription(request.subscription.name)
        paths = request.update_mask.paths
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> types.Subscription:
            current = subscriptions.get(db, name).resource
            wanted = checked_settings(merged(current, request.subscription, paths, MUTABLE_OF_SUBSCRIPTION))
            if wanted.dead_letter_policy != current.dead_letter_policy:
                subscriptions.require_topics(db, wanted)
            subscription_update.update(db, wanted, now)
            return subscriptions.get(db, name).resource

        return await self._changes.commit(write, concerns=lambda _: (PUSH_SUBSCRIPTIONS, name))

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
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> None:
            subscription = subscriptions.get(db, name).resource
            subscription.push_config = push_config
            subscription_update.update(db, checked_settings(subscription), now)

        await self._changes.commit(write, concerns=lambda _: (PUSH_SUBSCRIPTIONS, name))

    async def pull(self, request: types.PullRequest) -> types.PullResponse:
        name = names.check_subscription(request.subscription)
        if request.max_messages < 1:
            raise InvalidArgumentError(f"PullRequest.max_messages is {request.max_messages}: give 1 or more.")
        limit = min(request.max_messages, PULLED_MESSAGES)
        wait = 0.0 if request.return_immediately else PULL_WAIT
        lease = await self._puller.pull(name, limit, wait)
        received = [received_message(lease, delivery) for delivery in lease.deliveries]
        return types.PullResponse(received_messages=received)

    async def acknowledge(self, request: types.AcknowledgeRequest) -> None:
        name = names.check_subscription(request.subscription)
        _answer(await self._puller.acknowledge(name, _required(request.ack_ids)))

    async def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        name = names.check_subscription(request.subscription)
        seconds = request.ack_deadline_seconds
        ends = [(ack_id, seconds) for ack_id in _required(request.ack_ids)]
        _answer(await self._puller.modify_ack_deadline(name, ends))


def _answer(settlement: Settlement) -> None:
    if settlement.invalid:
        raise answers.invalid_ack_ids(settlement.invalid)


def _required(ack_ids: Iterable[str]) -> list[str]:
    required = list(ack_ids)
    if not required:
        raise InvalidArgumentError("You have not specified an ack ID in the request.")
    return required
