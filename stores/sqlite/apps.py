"""The apps in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from stores.apps import App
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase
from stores.sqlite.keys import keys_in, keys_text

SCHEMA = (
    """
    CREATE TABLE app (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        url TEXT NOT NULL,
        triggers TEXT NOT NULL,
        keys TEXT NOT NULL,
        paused INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE enabled_app (
        uid TEXT NOT NULL,
        app_id TEXT NOT NULL,
        PRIMARY KEY (uid, app_id)
    ) WITHOUT ROWID
    """,
)

_SELECT = "SELECT id, name, owner, url, triggers, keys, paused FROM app"
_VALUES = "(id, name, owner, url, triggers, keys, paused) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ENABLED = f"{_SELECT} JOIN enabled_app ON app_id = id WHERE uid = ?"


class SqliteApps:
    """Implements `stores.apps.Apps`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def app(self, app_id: str) -> App | None:
        return await self._database.run(lambda connection: _read(connection, app_id))

    async def apps(self, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        return await self._page(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?", after or "", limit)

    async def add_app(self, app: App) -> bool:
        return await self._changed(f"INSERT OR IGNORE INTO app {_VALUES}", *_row(app))

    async def change_app(self, app_id: str, change: Callable[[App], App]) -> App | None:
        def job(connection: sqlite3.Connection) -> App | None:
            found = _read(connection, app_id)
            if found is None:
                return None
            changed = change(found)
            connection.execute(f"INSERT OR REPLACE INTO app {_VALUES}", _row(changed))
            return changed

        return await self._database.run(job)

    async def enable(self, uid: str, app_id: str) -> bool:
        return await self._changed(
            "INSERT OR IGNORE INTO enabled_app (uid, app_id) VALUES (?, ?)", uid, app_id
        )

    async def disable(self, uid: str, app_id: str) -> bool:
        return await self._changed("DELETE FROM enabled_app WHERE uid = ? AND app_id = ?", uid, app_id)

    async def enabled_app(self, uid: str, app_id: str) -> App | None:
        found = await self._page(f"{_ENABLED} AND id = ?", uid, app_id)
        return found[0] if found else None

    async def enabled_apps(self, uid: str, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        return await self._page(f"{_ENABLED} AND app_id > ? ORDER BY app_id LIMIT ?", uid, after or "", limit)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(
            lambda connection: erase(connection, "enabled_app", "uid", owner, dry_run)
        )

    async def _page(self, statement: str, *values: str | int) -> tuple[App, ...]:
        def job(connection: sqlite3.Connection) -> tuple[App, ...]:
            return tuple(_app(row) for row in connection.execute(statement, values))

        return await self._database.run(job)

    async def _changed(self, statement: str, *values: object) -> bool:
        def job(connection: sqlite3.Connection) -> bool:
            return connection.execute(statement, values).rowcount > 0

        return await self._database.run(job)


def _read(connection: sqlite3.Connection, app_id: str) -> App | None:
    found = connection.execute(f"{_SELECT} WHERE id = ?", (app_id,)).fetchone()
    return _app(found) if found else None


def _app(found: tuple[str, str, str, str, str, str, int]) -> App:
    app_id, name, owner, url, triggers, keys, paused = found
    return App(
        id=app_id,
        name=name,
        owner=owner,
        url=url,
        triggers=frozenset(json.loads(triggers)),
        keys=keys_in(keys),
        paused=bool(paused),
    )


def _row(app: App) -> tuple[str, str, str, str, str, str, bool]:
    triggers = json.dumps(sorted(app.triggers))
    return app.id, app.name, app.owner, app.url, triggers, keys_text(app.keys), app.paused
