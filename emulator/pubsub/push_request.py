"""Words the request that pushes a message, as Pub/Sub words it; pure, and it signs and sends nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from google.pubsub_v1 import types


@dataclass(frozen=True, slots=True)
class PushRequest:
    """A POST of `body` to `url`, whose answer has to come within `deadline` seconds."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline: float


def push_request(
    subscription: types.Subscription, message: types.PubsubMessage, *, token: str | None
) -> PushRequest:
    """The wrapped form of https://cloud.google.com/pubsub/docs/push#receive_push; `token` is its bearer."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "From": "noreply@google.com",
        "User-Agent": "CloudPubSub-Google",
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = {"message": _message(message), "subscription": subscription.name}
    return PushRequest(
        url=subscription.push_config.push_endpoint,
        headers=headers,
        body=json.dumps(body).encode(),
        deadline=float(subscription.ack_deadline_seconds),
    )


def audience(push_config: types.PushConfig) -> str:
    """Whom an ID token is for: the endpoint's URL, unless the configuration names another."""
    return push_config.oidc_token.audience or push_config.push_endpoint


def _message(message: types.PubsubMessage) -> dict[str, object]:
    """Both spellings of id and time, as the service sends them; what is empty is left out."""
    published = types.PubsubMessage.pb(message).publish_time.ToJsonString()
    worded: dict[str, object] = {
        "messageId": message.message_id,
        "message_id": message.message_id,
        "publishTime": published,
        "publish_time": published,
    }
    if message.data:
        worded["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        worded["attributes"] = dict(message.attributes)
    if message.ordering_key:
        worded["orderingKey"] = message.ordering_key
    return worded
