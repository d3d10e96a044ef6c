"""Removes one user's rows from a table of SQLite, or only counts them. Knows nothing of what they mean."""

from __future__ import annotations

import sqlite3


def erase(connection: sqlite3.Connection, table: str, column: str, owner: str, dry_run: bool) -> int:
    """How many rows of `table` have this owner in `column`; without `dry_run` they are gone."""
    if dry_run:
        counted = connection.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (owner,))  # noqa: S608
        return int(counted.fetchone()[0])
    return connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (owner,)).rowcount  # noqa: S608
