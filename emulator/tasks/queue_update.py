"""Applies an UpdateQueue's mask to a queue, as values; it stores nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from emulator.errors import InvalidArgumentError
from emulator.tasks.messages import Pb, Queue
from emulator.tasks.queue_resource import checked_queue

_SETTINGS = (
    "app_engine_routing_override",
    "http_target",
    "rate_limits",
    "retry_config",
    "stackdriver_logging_config",
)
MAX_DOUBLINGS = "retry_config.max_doublings"
"""The one number whose zero means something else than its absence."""
_URI_OVERRIDE = "http_target.uri_override"
_EMPTY_TEXTS = {"path_override": "path", "query_override": "query_params"}
"""Blocks in which an empty text means something: it takes the path or query of a task away."""
_CAPITAL = re.compile(r"[A-Z]")


def updated_queue(
    existing: Pb, given: Pb, paths: Sequence[str], *, explicit: Collection[str] | None = None
) -> Pb:
    """The queue with the fields that `paths` name taken from `given`; no path means all.

    Paths come in snake or camel case and may go into blocks (`http_target.uri_override.host`). A field that
    is named and not given is cleared, or goes back to its default. What is output only is left as it is:
    state changes by PauseQueue and ResumeQueue alone.

    `explicit` says of which fields the request has a value, as snake-case paths, where its encoding tells a
    zero from an absent field (JSON); without it, a path of the mask that goes to the field itself tells.

    Raises InvalidArgumentError for a path that a Queue does not have and for a value that is not allowed.
    """
    named = [_snake_case(path) for path in paths]
    for path in named:
        if not FieldMask(paths=[path]).IsValidForDescriptor(Queue.DESCRIPTOR):
            raise InvalidArgumentError(f"Invalid field path in update_mask: {path!r} is no field of a Queue.")
    if explicit is not None:
        given = as_said(given, explicit)
    merged = Queue()
    merged.CopyFrom(existing)
    for path in named or _SETTINGS:
        _take(given, merged, path)
    changed = checked_queue(merged, zero_doublings=_keeps_zero(existing, given, named, explicit))
    changed.state = existing.state
    if existing.HasField("purge_time"):
        changed.purge_time.CopyFrom(existing.purge_time)
    return changed


def as_said(given: Pb, explicit: Collection[str]) -> Pb:
    """The queue of a JSON request without the path and query overrides that are there and say nothing.

    gcloud sends both with every uri_override, whether or not it was told a path; on the wire they would
    clear those of all tasks. `explicit`: see `updated_queue`.
    """
    said = Queue()
    said.CopyFrom(given)
    for block, leaf in _EMPTY_TEXTS.items():
        if f"{_URI_OVERRIDE}.{block}" in explicit and f"{_URI_OVERRIDE}.{block}.{leaf}" not in explicit:
            said.http_target.uri_override.ClearField(block)
    return said


def _take(source: Pb, target: Pb, path: str) -> None:
    """Make the field of `target` what it is in `source`. A block that `source` lacks is not left empty."""
    field, _, rest = path.partition(".")
    if rest:
        if source.HasField(field) or target.HasField(field):
            _take(getattr(source, field), getattr(target, field), rest)
            if not source.HasField(field) and not getattr(target, field).ByteSize():
                target.ClearField(field)
        return
    target.ClearField(field)
    value = {descriptor.name: value for descriptor, value in source.ListFields()}.get(field)
    if isinstance(value, Message):
        getattr(target, field).CopyFrom(value)
    elif isinstance(value, str | bytes | int | float):
        setattr(target, field, value)
    elif value is not None:
        getattr(target, field).extend(value)


def _keeps_zero(existing: Pb, given: Pb, named: Sequence[str], explicit: Collection[str] | None) -> bool:
    """Whether a max_doublings of 0 in the merged queue is meant."""
    if named and not {MAX_DOUBLINGS, "retry_config"} & set(named):
        return bool(existing.retry_config.max_doublings == 0)
    if explicit is not None:
        return MAX_DOUBLINGS in explicit
    return MAX_DOUBLINGS in named and bool(given.HasField("retry_config"))


def _snake_case(path: str) -> str:
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), path)
