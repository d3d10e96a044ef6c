"""Writes the emulator's values as JSON in Google's manner, and reads them; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.engine.faults import CrashPoint, FaultPlan, Faults
from emulator.errors import InvalidArgumentError
from emulator.rest.answer import as_json
from emulator.rest.json_text import read_json
from emulator.tasks import AttemptRecord, DeadTask, QueueStats
from emulator.tasks.messages import Task

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_COUNTS = ("tasks_count", "executed_last_minute_count", "concurrent_dispatches_count")


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def queue_stats(stats: QueueStats) -> dict[str, Any]:
    """As google.cloud.tasks.v2beta3.QueueStats: counts are int64, so strings; no time where no task waits."""
    worded: dict[str, Any] = {_camel(name): str(getattr(stats, name)) for name in _COUNTS}
    if stats.oldest_estimated_arrival_time is not None:
        worded["oldestEstimatedArrivalTime"] = moment(stats.oldest_estimated_arrival_time)
    worded["effectiveExecutionRate"] = stats.effective_execution_rate
    return worded


def attempt(record: AttemptRecord) -> dict[str, Any]:
    """`responseStatus` is the HTTP status; synthesised where no response came, and `detail` says why."""
    worded = {
        "number": record.number,
        "scheduleTime": moment(record.schedule_time),
        "dispatchTime": moment(record.dispatch_time),
        "responseTime": moment(record.response_time),
        "responseStatus": record.status,
    }
    return {**worded, "detail": record.detail} if record.detail else worded


def dead_task(dead: DeadTask) -> dict[str, Any]:
    """`task` is the Task as it was created."""
    return {
        "name": f"{dead.queue}/tasks/{dead.task_id}",
        "deathTime": moment(dead.died_at),
        "reason": dead.reason,
        "dispatchCount": dead.dispatch_count,
        "attempts": [attempt(record) for record in dead.attempts],
        "task": as_json(Task.FromString(dead.message), enum_numbers=False),
    }


def fault_plan(plan: FaultPlan) -> dict[str, Any]:
    """Every switch, those that are off too."""
    crash = None
    if plan.crash is not None:
        crash = {_camel(name): value for name, value in asdict(plan.crash).items() if value is not None}
    return {
        "everywhere": _faults(plan.everywhere),
        "named": {name: _faults(faults) for name, faults in plan.named.items()},
        "crash": crash,
    }


def read_object(body: bytes, kind: type[T]) -> T:
    """A dataclass of ours, from a JSON object with its fields in camel or snake case.

    Raises InvalidArgumentError.
    """
    given = read_json(body)
    if not isinstance(given, dict):
        raise InvalidArgumentError(f"The body must be a JSON object, not {given!r:.100}.")
    names = {spelled: field.name for field in fields(kind) for spelled in (field.name, _camel(field.name))}
    for spelled in given:
        if spelled not in names:
            known = ", ".join(_camel(field.name) for field in fields(kind))
            raise InvalidArgumentError(f"There is no field {spelled!r:.100}: use {known}.")
    values = {names[spelled]: _value(spelled, value) for spelled, value in given.items()}
    for field in fields(kind):
        if field.default is MISSING and field.name not in values:
            raise InvalidArgumentError(f"The field {_camel(field.name)} is missing.")
    try:
        return kind(**values)
    except ValueError as exc:
        raise InvalidArgumentError(f"{exc}.") from exc


def _value(name: str, value: Any) -> Any:
    if name == "at":
        points = [str(point) for point in CrashPoint]
        if value not in points:
            raise InvalidArgumentError(f"at must be one of {', '.join(points)}, not {value!r:.100}.")
        return CrashPoint(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgumentError(f"{name} must be a number, not {value!r:.100}.")
    if _camel(name) == "nthWrite" and not isinstance(value, int):
        raise InvalidArgumentError(f"{name} must be a whole number, not {value}.")
    return value


def _faults(faults: Faults) -> Mapping[str, float]:
    return {_camel(name): value for name, value in asdict(faults).items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
