"""Words the request that pushes a message, as Pub/Sub words it; pure, and it signs and sends nothing."""

from __future__ import annotations

import base64
import json

from google.pubsub_v1 import types

from emulator.engine.exchange import HttpRequest


def push_request(
    subscription: types.Subscription, message: types.PubsubMessage, *, token: str | None
) -> HttpRequest:
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
    return HttpRequest(
        method="POST",
        url=subscription.push_config.push_endpoint,
        headers=headers,
        body=json.dumps(body).encode(),
        source=subscription.name,
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
