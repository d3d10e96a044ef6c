"""Applies an UpdateQueue's mask to a queue, as values; it stores nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf.field_mask_pb2 import FieldMask

from emulator.errors import InvalidArgumentError
from emulator.tasks.messages import Pb, Queue
from emulator.tasks.queue_resource import checked_queue

_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "rate_limits.max_burst_size"})
_SETTINGS = ("rate_limits", "retry_config", "stackdriver_logging_config")
_CAPITAL = re.compile(r"[A-Z]")


def updated_queue(existing: Pb, given: Pb, paths: Iterable[str]) -> Pb:
    """The queue with the fields that `paths` name taken from `given`; no path means all.

    Paths come in snake or camel case and may go into a block (`rate_limits.max_dispatches_per_second`).
    What is output only is left as it is: state changes by PauseQueue and ResumeQueue alone.

    Raises InvalidArgumentError for a path that a Queue does not have and for a value that is not allowed,
    or ApiError UNIMPLEMENTED for a field that is not served.
    """
    named = [_snake_case(path) for path in paths]
    mask = FieldMask(paths=[path for path in named or _fields(given) if path not in _OUTPUT_ONLY])
    for path in mask.paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(Queue.DESCRIPTOR):
            raise InvalidArgumentError(f"Invalid field path in update_mask: {path!r} is no field of a Queue.")
    source, merged = Queue(), Queue()
    source.CopyFrom(given)
    merged.CopyFrom(existing)
    for path in mask.paths:
        block, dot, _ = path.partition(".")
        if dot:
            getattr(source, block).SetInParent()  # merging passes over a block that is not there
    mask.MergeMessage(source, merged, replace_message_field=True, replace_repeated_field=True)
    changed = checked_queue(merged)
    changed.state = existing.state
    if existing.HasField("purge_time"):
        changed.purge_time.CopyFrom(existing.purge_time)
    return changed


def _fields(given: Pb) -> list[str]:
    """All settings, and what the request gives besides, so that what is not served is refused."""
    return [*_SETTINGS, *(field.name for field, _ in given.ListFields() if field.name not in _SETTINGS)]


def _snake_case(path: str) -> str:
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), path)
