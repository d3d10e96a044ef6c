"""What speech services found out, in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from pydantic import TypeAdapter

from contracts import Finding, SpeechKind
from stores.speech import SpeechResult
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

SCHEMA = (
    """
    CREATE TABLE speech_result (
        uid TEXT NOT NULL,
        job_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        finding TEXT NOT NULL,
        found_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        PRIMARY KEY (uid, job_id, kind)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX speech_result_expires_at ON speech_result (expires_at)",
)

_COLUMNS = "uid, job_id, kind, finding, found_at, expires_at"
_FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)
_SWEPT = 10
"""Expired results that leave for each that comes."""


class SqliteSpeechResults:
    """Implements `stores.speech.SpeechResults`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, result: SpeechResult) -> SpeechResult:
        def job(connection: sqlite3.Connection) -> SpeechResult:
            kind = result.finding.kind
            kept = _read(connection, result.uid, result.job_id, kind, now=result.found_at)
            if kept is not None:
                return kept
            connection.execute(
                "DELETE FROM speech_result WHERE (uid, job_id, kind) IN "
                "(SELECT uid, job_id, kind FROM speech_result WHERE expires_at <= ? LIMIT ?)",
                (_stamp(result.found_at), _SWEPT),
            )
            connection.execute(
                f"INSERT OR REPLACE INTO speech_result ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608  (a constant)
                (
                    result.uid,
                    result.job_id,
                    kind,
                    _FINDING.dump_json(result.finding).decode(),
                    _stamp(result.found_at),
                    _stamp(result.expires_at),
                ),
            )
            return result

        return await self._database.run(job)

    async def get(self, uid: str, job_id: str, kind: SpeechKind, *, now: datetime) -> SpeechResult | None:
        return await self._database.run(lambda connection: _read(connection, uid, job_id, kind, now=now))

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(
            lambda connection: erase(connection, "speech_result", "uid", owner, dry_run)
        )


def _read(
    connection: sqlite3.Connection, uid: str, job_id: str, kind: SpeechKind, *, now: datetime
) -> SpeechResult | None:
    found = connection.execute(
        "SELECT finding, found_at, expires_at FROM speech_result "
        "WHERE uid = ? AND job_id = ? AND kind = ? AND expires_at > ?",
        (uid, job_id, kind, _stamp(now)),
    ).fetchone()
    if found is None:
        return None
    finding, found_at, expires_at = found
    return SpeechResult(
        uid=uid,
        job_id=job_id,
        finding=_FINDING.validate_json(finding),
        found_at=datetime.fromisoformat(found_at),
        expires_at=datetime.fromisoformat(expires_at),
    )


def _stamp(moment: datetime) -> str:
    """One form for all moments, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
