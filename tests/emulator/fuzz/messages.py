"""Draws protobuf messages from their descriptors: right in form, anything in content; it sends none."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from tests.emulator.fuzz.resource_names import resource_names
from tests.emulator.fuzz.scalars import TEXTS, map_keys, scalars

BEGAN = 1_758_700_000
"""Seconds since the epoch: when the clock of a fuzz begins, around which most timestamps lie."""
_DEEPEST = 6

_LIKELY = frozenset(
    {
        "ack_ids",
        "data",
        "http_request",
        "max_messages",
        "messages",
        "push_endpoint",
        "queue",
        "requests",
        "return_immediately",
        "service_account_email",
        "stream_ack_deadline_seconds",
        "task",
        "update_mask",
        "url",
    }
)
"""Fields without which a call is refused before it gets anywhere."""
_SECONDS = st.sampled_from([0, 0, 1, 10, 15, 60, 600, 1800, 86_400, 2_592_000, -1])
_EXTREME_SECONDS = st.sampled_from(
    [315_576_000_000, -315_576_000_001, 253_402_300_799, 253_402_300_800, -62_135_596_801, 2**63 - 1, -(2**63)]
)
_NANOS = st.sampled_from([0, 0, 0, 1, 500_000_000, 999_999_999, 10**9, -1, 2**31 - 1, -(2**31)])


@st.composite
def messages(draw: st.DrawFn, message_class: Any) -> Any:
    """A message of the class."""
    message = message_class()
    _fill(draw, message, 0)
    return message


def _fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    name = message.DESCRIPTOR.full_name
    if name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        _fill_time(draw, message)
        return
    for field in message.DESCRIPTOR.fields:
        likely = depth < 3 and (field.name in _LIKELY or _names_something(field))
        if draw(st.integers(0, 9)) < (9 if likely else 2):
            _set(draw, message, field, depth)


def _names_something(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and resource_names(field) is not None


def _set(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and depth == _DEEPEST:
        return
    if name := _mask_of(message, field):
        getattr(message, field.name).paths.extend(draw(st.lists(_paths(name), max_size=4)))
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key in draw(st.lists(map_keys(field), max_size=4)):
            _set_item(draw, getattr(message, field.name), key, field.message_type.fields_by_name["value"])
    elif field.is_repeated:
        items = getattr(message, field.name)
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 0]))):
            if field.message_type is None:
                items.append(draw(scalars(field)))
            else:
                _fill(draw, items.add(), depth + 1)
    elif field.message_type is not None:
        child: Message = getattr(message, field.name)
        child.SetInParent()
        _fill(draw, child, depth + 1)
    else:
        setattr(message, field.name, draw(scalars(field)))


def _set_item(draw: st.DrawFn, items: Any, key: Any, value: FieldDescriptor) -> None:
    if value.message_type is None:
        items[key] = draw(scalars(value))
    else:
        _fill(draw, items[key], _DEEPEST)


def _fill_time(draw: st.DrawFn, message: Any) -> None:
    is_moment = message.DESCRIPTOR.name == "Timestamp"
    seconds = draw(st.one_of(_SECONDS, _SECONDS, _SECONDS, _EXTREME_SECONDS))
    message.seconds = seconds + BEGAN if is_moment and abs(seconds) < 10**8 else seconds
    message.nanos = draw(_NANOS)


def _mask_of(message: Any, field: FieldDescriptor) -> Any:
    """The descriptor of the message that the mask `field` speaks of; None for a field that is no mask."""
    if field.message_type is None or field.message_type.full_name != "google.protobuf.FieldMask":
        return None
    others = (each.message_type for each in message.DESCRIPTOR.fields if each is not field)
    return next((other for other in others if other is not None), message.DESCRIPTOR)


def _paths(descriptor: Any) -> st.SearchStrategy[str]:
    known = [path for name in descriptor.fields_by_name for path in _paths_below(descriptor, name, 3)]
    odd = ["*", "", ".", "a.b.c", f"{known[0]}.", f"{known[0]}.x", f".{known[0]}", "x." * 1000, "name", "state"]
    camel = [descriptor.fields_by_name[name].camelcase_name for name in descriptor.fields_by_name]
    return st.one_of(st.sampled_from(known), st.sampled_from(known), st.sampled_from([*camel, *odd]), TEXTS)


def _paths_below(descriptor: Any, name: str, depth: int) -> list[str]:
    inner = descriptor.fields_by_name[name].message_type
    if inner is None or depth == 0:
        return [name]
    return [name, *(f"{name}.{path}" for leaf in inner.fields_by_name for path in _paths_below(inner, leaf, depth - 1))]
