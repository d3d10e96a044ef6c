"""The apps in Firestore: one document for an app, and one for each user who enabled it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydantic import TypeAdapter

from stores.apps import App
from stores.firestore.collection import Collection, Document, document_id

APPS = "sidelane_apps"
ENABLED = "sidelane_enabled_apps"

_APP = TypeAdapter(App)


class FirestoreApps:
    """Implements `stores.apps.Apps`."""

    def __init__(self, apps: Collection, enabled: Collection) -> None:
        self._apps = apps
        self._enabled = enabled

    async def app(self, app_id: str) -> App | None:
        found = await self._apps.read(document_id(app_id))
        return _app(found) if found else None

    async def apps(self, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        page = self._apps.where().order_by("id").limit(limit)
        if after is not None:
            page = page.start_after({"id": after})
        return tuple(_app(found) for found in await self._apps.find(page))

    async def add_app(self, app: App) -> bool:
        def change(found: Document | None) -> tuple[Document, bool]:
            return (_document(app), True) if found is None else (found, False)

        return await self._apps.change(document_id(app.id), change)

    async def change_app(self, app_id: str, change: Callable[[App], App]) -> App | None:
        def changed(found: Document | None) -> tuple[Document | None, App | None]:
            if found is None:
                return None, None
            app = change(_app(found))
            return _document(app), app

        return await self._apps.change(document_id(app_id), changed)

    async def enable(self, uid: str, app_id: str) -> bool:
        enabled = Document({"uid": uid, "app": app_id})
        return await self._enabled.change(document_id(uid, app_id), lambda found: (enabled, found is None))

    async def disable(self, uid: str, app_id: str) -> bool:
        return await self._enabled.change(document_id(uid, app_id), lambda found: (None, found is not None))

    async def enabled_app(self, uid: str, app_id: str) -> App | None:
        if await self._enabled.read(document_id(uid, app_id)) is None:
            return None
        return await self.app(app_id)

    async def enabled_apps(self, uid: str, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        while True:
            page = self._enabled.where(uid=uid).order_by("app").limit(limit)
            if after is not None:
                page = page.start_after({"app": after})
            ids = [str(found.fields["app"]) for found in await self._enabled.find(page)]
            known = tuple(app for app in await asyncio.gather(*map(self.app, ids)) if app is not None)
            if known or not ids:
                return known
            after = ids[-1]

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._enabled.erase(self._enabled.where(uid=owner), dry_run=dry_run)


def _app(found: Document) -> App:
    return _APP.validate_json(found.fields["value"])


def _document(app: App) -> Document:
    return Document({"id": app.id, "value": _APP.dump_json(app).decode()})
