"""Answers google.pubsub.v1.Publisher: topics and what is published to them; it delivers nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.grpc_api import Method
from emulator.pubsub import backlog, names, snapshots, subscription_update, subscriptions, times, topics
from emulator.pubsub.changes import PUSH_SUBSCRIPTIONS, Changes
from emulator.pubsub.field_masks import merged
from emulator.pubsub.messages import check_publish
from emulator.pubsub.pages import cursor, next_token
from emulator.pubsub.resources import MUTABLE_OF_TOPIC, checked_topic
from emulator.pubsub.wire import method
from emulator.store import Store


class PublisherApi:
    """The calls of the Publisher service, each from its request to its response. Raise ApiError."""

    def __init__(self, store: Store, changes: Changes, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._published = 0

    @property
    def published(self) -> int:
        return self._published

    def methods(self) -> Mapping[str, tuple[Any, Method]]:
        return {
            "CreateTopic": method(types.Topic, self.create_topic),
            "UpdateTopic": method(types.UpdateTopicRequest, self.update_topic),
            "GetTopic": method(types.GetTopicRequest, self.get_topic),
            "ListTopics": method(types.ListTopicsRequest, self.list_topics),
            "DeleteTopic": method(types.DeleteTopicRequest, self.delete_topic),
            "ListTopicSubscriptions": method(
                types.ListTopicSubscriptionsRequest, self.list_topic_subscriptions
            ),
            "ListTopicSnapshots": method(types.ListTopicSnapshotsRequest, self.list_topic_snapshots),
            "DetachSubscription": method(types.DetachSubscriptionRequest, self.detach_subscription),
            "Publish": method(types.PublishRequest, self.publish),
        }

    async def create_topic(self, request: types.Topic) -> types.Topic:
        topic = checked_topic(request)
        await self._store.write(lambda db: topics.create(db, topic))
        return topic

    async def update_topic(self, request: types.UpdateTopicRequest) -> types.Topic:
        name = names.check_topic(request.topic.name)

        def write(db: sqlite3.Connection) -> types.Topic:
            current = topics.get(db, name)
            topic = checked_topic(merged(current, request.topic, request.update_mask.paths, MUTABLE_OF_TOPIC))
            topics.update(db, topic)
            subscription_update.follow_topic(db, name)
            return topic

        return await self._store.write(write)

    async def get_topic(self, request: types.GetTopicRequest) -> types.Topic:
        name = names.check_topic(request.topic)
        return await self._store.read(lambda db: topics.get(db, name))

    async def list_topics(self, request: types.ListTopicsRequest) -> types.ListTopicsResponse:
        project = names.check_project(request.project)
        asked = cursor(request.page_size, request.page_token)
        page = await self._store.read(lambda db: topics.page(db, project, asked))
        token = next_token([topic.name for topic in page], asked)
        return types.ListTopicsResponse(topics=page, next_page_token=token)

    async def delete_topic(self, request: types.DeleteTopicRequest) -> None:
        name = names.check_topic(request.topic)
        await self._store.write(lambda db: topics.delete(db, name))

    async def list_topic_subscriptions(
        self, request: types.ListTopicSubscriptionsRequest
    ) -> types.ListTopicSubscriptionsResponse:
        name = names.check_topic(request.topic)
        asked = cursor(request.page_size, request.page_token)

        def read(db: sqlite3.Connection) -> list[str]:
            topics.require(db, name)
            return subscriptions.names_page(db, name, asked)

        page = await self._store.read(read)
        return types.ListTopicSubscriptionsResponse(
            subscriptions=page, next_page_token=next_token(page, asked)
        )

    async def list_topic_snapshots(
        self, request: types.ListTopicSnapshotsRequest
    ) -> types.ListTopicSnapshotsResponse:
        name = names.check_topic(request.topic)
        asked = cursor(request.page_size, request.page_token)
        now = times.now(self._clock)

        def read(db: sqlite3.Connection) -> list[str]:
            topics.require(db, name)
            return snapshots.names_page(db, name, asked, now)

        page = await self._store.read(read)
        return types.ListTopicSnapshotsResponse(snapshots=page, next_page_token=next_token(page, asked))

    async def detach_subscription(
        self, request: types.DetachSubscriptionRequest
    ) -> types.DetachSubscriptionResponse:
        name = names.check_subscription(request.subscription)
        await self._changes.commit(
            lambda db: subscription_update.detach(db, name), concerns=lambda _: (PUSH_SUBSCRIPTIONS, name)
        )
        return types.DetachSubscriptionResponse()

    async def publish(self, request: types.PublishRequest) -> types.PublishResponse:
        name = names.check_topic(request.topic)
        check_publish(request.messages)
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
            return backlog.publish(db, name, topics.require(db, name), request.messages, now)

        ids, _ = await self._changes.commit(write, concerns=lambda published: published[1])
        self._published += len(ids)
        return types.PublishResponse(message_ids=ids)
