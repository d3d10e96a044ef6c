"""Google's synchronous clients over their REST transports, as anybody would point them at a local port."""

from __future__ import annotations

from google.auth.credentials import AnonymousCredentials
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksRestTransport
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherRestTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberRestTransport


def tasks_client(address: str) -> CloudTasksClient:
    """Blocking, from its construction on: call it on a thread, and close its transport there."""
    return CloudTasksClient(
        transport=CloudTasksRestTransport(host=address, url_scheme="http", credentials=AnonymousCredentials())
    )


def publisher(address: str) -> PublisherClient:
    return PublisherClient(
        transport=PublisherRestTransport(host=address, url_scheme="http", credentials=AnonymousCredentials())
    )


def subscriber(address: str) -> SubscriberClient:
    return SubscriberClient(
        transport=SubscriberRestTransport(host=address, url_scheme="http", credentials=AnonymousCredentials())
    )
