"""Runs app webhooks: one signed POST to the server of an app that a user enabled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from contracts import AppWebhook
from handlers.answer_message import told_by_app
from handlers.effect import Delivery
from handlers.ends import End, NotWanted, OwnerPaused, Reason
from handlers.health import Keeper
from handlers.webhook_request import WebhookRequests
from handlers.webhook_wire import on_the_wire
from stores import Apps


class AppWebhooks:
    """The effect of `AppWebhook`."""

    def __init__(self, apps: Apps, requests: WebhookRequests) -> None:
        self._apps = apps
        self._requests = requests

    async def __call__(self, task: AppWebhook, delivery: Delivery) -> End:
        app = await self._apps.enabled_app(task.uid, task.app_id)
        if app is None or task.trigger not in app.triggers:
            return NotWanted(Reason.NOT_ENABLED)
        if app.paused:
            return OwnerPaused()
        return await self._requests.post(
            app.url,
            app.keys,
            on_the_wire(task.uid, task.event),
            delivery,
            following=lambda answer: told_by_app(task, app, delivery, answer),
        )


def app_keeper(apps: Apps) -> Callable[[AppWebhook], Awaitable[Keeper | None]]:
    """An app's owner keeps its server, whoever the user is whose webhook failed."""

    async def keeper(task: AppWebhook) -> Keeper | None:
        app = await apps.app(task.app_id)
        return Keeper(uid=app.owner, endpoint=f"app {app.name}") if app else None

    return keeper
