"""Makes Google's generated async clients on a channel of the emulator; what they do is Google's."""

from __future__ import annotations

import asyncio

import grpc.aio
from google.cloud.tasks_v2 import CloudTasksAsyncClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport


async def cloud_tasks_client(channel: grpc.aio.Channel) -> CloudTasksAsyncClient:
    transport = CloudTasksGrpcAsyncIOTransport(channel=channel)
    return await asyncio.to_thread(CloudTasksAsyncClient, transport=transport)  # it looks for certificates


async def publisher_client(channel: grpc.aio.Channel) -> PublisherAsyncClient:
    transport = PublisherGrpcAsyncIOTransport(channel=channel)
    return await asyncio.to_thread(PublisherAsyncClient, transport=transport)


async def subscriber_client(channel: grpc.aio.Channel) -> SubscriberAsyncClient:
    transport = SubscriberGrpcAsyncIOTransport(channel=channel)
    return await asyncio.to_thread(SubscriberAsyncClient, transport=transport)
