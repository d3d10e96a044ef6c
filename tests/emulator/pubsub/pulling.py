"""A pull that does not wait."""

from __future__ import annotations

import warnings

from google.pubsub_v1 import SubscriberAsyncClient, types

from tests.emulator.pubsub.resources import SUBSCRIPTION


async def pull_now(
    subscriber: SubscriberAsyncClient, max_messages: int = 10, subscription: str = SUBSCRIPTION
) -> list[types.ReceivedMessage]:
    request = types.PullRequest(subscription=subscription, max_messages=max_messages, return_immediately=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The return_immediately flag is deprecated", DeprecationWarning)
        response = await subscriber.pull(request)
    return list(response.received_messages)
