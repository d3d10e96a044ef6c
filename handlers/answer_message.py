"""What a webhook's answer asks us to tell the user, as a push notification. Pure; it sends nothing."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, ValidationError

from contracts import (
    AppWebhook,
    AudioBytes,
    DeveloperWebhook,
    MemoryCreated,
    Notification,
    RealtimeTranscript,
)
from handlers.effect import Delivery
from lanes import Answer
from stores import App

MIN_LENGTH = 6
"""A message of fewer characters is none: servers answer `ok`."""
MAX_LENGTH = 2000
"""Characters of a notification's body; the rest of a message is left out."""
MAX_NAME = 100
"""Characters of an app's name; longer ones are cut off rather than that a title refuses them."""


class _Said(BaseModel):
    message: str


def message_in(answer: Answer) -> str | None:
    """The `message` of an answer 200 whose body is a JSON object; None where it has none that counts."""
    if answer.status != HTTPStatus.OK or answer.truncated:
        return None
    try:
        text = _Said.model_validate_json(answer.body).message.strip()
    except ValidationError:
        return None
    return text[:MAX_LENGTH] if len(text) >= MIN_LENGTH else None


def told_by_developer(task: DeveloperWebhook, delivery: Delivery, answer: Answer) -> tuple[Notification, ...]:
    """Of the answers to a running transcript alone."""
    text = message_in(answer)
    if text is None or not isinstance(task.event, RealtimeTranscript):
        return ()
    return (
        Notification(
            uid=task.uid,
            event=delivery.id,
            subject=task.event.stream_id,
            title="Webhook says",
            body=text,
            data={"kind": "webhook_message"},
        ),
    )


def told_by_app(task: AppWebhook, app: App, delivery: Delivery, answer: Answer) -> tuple[Notification, ...]:
    """Of an answer to a running transcript a notification, to a conversation a message of the app's chat."""
    text = message_in(answer)
    if text is None or isinstance(task.event, AudioBytes):
        return ()
    subject, data = app.id, {"kind": "app_message", "app_id": app.id}
    if isinstance(task.event, MemoryCreated):
        subject = task.event.conversation.id
        data = {"kind": "chat_message", "app_id": app.id, "conversation_id": subject}
    return (
        Notification(
            uid=task.uid,
            event=delivery.id,
            subject=subject,
            title=f"{app.name[:MAX_NAME]} says",
            body=text,
            data=data,
        ),
    )
