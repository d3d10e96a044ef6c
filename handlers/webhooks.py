"""Runs developer webhooks: one signed POST to the endpoint that a user registered for a kind of event."""

from __future__ import annotations

from contracts import DeveloperWebhook
from handlers.answer_message import told_by_developer
from handlers.effect import Delivery
from handlers.ends import End, NotWanted, OwnerPaused, Reason
from handlers.health import Keeper
from handlers.webhook_request import WebhookRequests
from handlers.webhook_wire import on_the_wire
from stores import Directory


class DeveloperWebhooks:
    """The effect of `DeveloperWebhook`."""

    def __init__(self, directory: Directory, requests: WebhookRequests) -> None:
        self._directory = directory
        self._requests = requests

    async def __call__(self, task: DeveloperWebhook, delivery: Delivery) -> End:
        endpoint = await self._directory.endpoint(task.uid, task.event.kind)
        if endpoint is None:
            return NotWanted(Reason.NO_ENDPOINT)
        if endpoint.paused:
            return OwnerPaused()
        wire = on_the_wire(task.uid, task.event)
        return await self._requests.post(
            endpoint.url,
            endpoint.keys,
            wire,
            delivery,
            following=lambda answer: told_by_developer(task, delivery, answer),
        )


async def keeper(task: DeveloperWebhook) -> Keeper:
    """A developer keeps the own endpoints."""
    return Keeper(uid=task.uid, endpoint=f"webhook for {task.event.kind}")
