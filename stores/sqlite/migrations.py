"""Brings a SQLite file of any earlier version to the present schema when it is opened; it never goes back.

A file's version (`PRAGMA user_version`) is the number of steps that it has taken. A step is never changed
once it is released: what a table shall be tomorrow is one more step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from stores.errors import SchemaTooNew

Step = Sequence[str]
"""Statements that take a file from one version to the next."""


def migrate(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Take the steps that the file lacks, all or none. Other processes may do the same at the same time.

    Args:
        connection: in autocommit mode.

    Raises:
        SchemaTooNew: the file has taken steps that are not known here.
        sqlite3.Error: a step failed; the file is as it was.
    """
    if _version(connection) == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have been faster
        if version > len(steps):
            raise SchemaTooNew(
                f"it has schema version {version} and this release knows {len(steps)}: "
                "install the release that made it, or a later one"
            )
        for step in steps[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
