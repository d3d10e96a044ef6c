"""Keeps rows of tasks just created, so that a first attempt needs no read; it decides nothing."""

from __future__ import annotations

from emulator.tasks.tables import TaskRow

MAX_ROWS = 1024
MAX_MESSAGE_BYTES = 16 * 1024


class FreshRows:
    """At most `max_rows`, the oldest leave; a larger task than `MAX_MESSAGE_BYTES` is not kept.

    A row is given out once, to the attempt that the queue lets go, and is forgotten where anything else
    attempts the task: until then the task on disk is as it was created.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self.max_rows = max_rows
        self._rows: dict[int, TaskRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, row: TaskRow) -> None:
        if len(row.message) > MAX_MESSAGE_BYTES:
            return
        if len(self._rows) >= self.max_rows:
            del self._rows[next(iter(self._rows))]
        self._rows[row.key] = row

    def pop(self, key: int, due: float) -> TaskRow | None:
        """The row of the task, forgotten with it. None if the task is due at another time than it was new."""
        row = self._rows.pop(key, None)
        return row if row is not None and row.schedule_time == due else None
