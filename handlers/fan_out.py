"""Which tasks follow from an event: one for each target that it concerns. Enqueues none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from contracts import AppWebhook, ConversationCreated, Event, Task, TranscriptFlushed
from stores import Apps

FanOut = Callable[[Any], AsyncIterator[tuple[Task, ...]]]
"""The tasks that follow from an event of its type, page by page, so that memory is bounded.

Their identities are made from the event's own: a delivery that is repeated leads to the same tasks. It may
raise `StoreError`; then the event comes again.
"""

FanOuts = Mapping[type[Event], FanOut]
"""By the type of the event; a type without one is left in its subscription."""

PAGE = 100
"""Apps that are looked up and enqueued at a time."""


def fan_outs_to(apps: Apps) -> FanOuts:
    """What follows from each type of event: the one table of it."""

    async def each_app(event: ConversationCreated | TranscriptFlushed) -> AsyncIterator[tuple[Task, ...]]:
        """A webhook for each app that the user enabled and that asked for such events."""
        told = event.as_webhook()
        after: str | None = None
        while page := await apps.enabled_apps(event.uid, limit=PAGE, after=after):
            webhooks = ((app, AppWebhook(app_id=app.id, uid=event.uid, event=told)) for app in page)
            yield tuple(webhook for app, webhook in webhooks if webhook.trigger in app.triggers)
            after = page[-1].id

    return {ConversationCreated: each_app, TranscriptFlushed: each_app}
