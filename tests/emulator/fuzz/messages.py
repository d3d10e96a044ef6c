"""Draws protobuf messages from their descriptors: right in form, anything in content; it sends none."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from tests.emulator.fuzz.resource_names import usual_names
from tests.emulator.fuzz.scalars import map_keys, scalars
from tests.emulator.fuzz.texts import ODD_TEXTS

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
_WILDNESS = st.sampled_from([0, 0, 0, 3, 3, 30])
"""Odd values among one hundred: most messages have none or a single one, or they would get nowhere."""
_USUAL_SECONDS = {
    "max_retry_duration": [0, 60],
    "message_retention_duration": [600, 86_400],
    "min_backoff": [0, 1],
    "minimum_backoff": [0, 1],
    "ttl": [86_400],
}
_MOST_SECONDS = [15, 60, 600]
_ODD_SECONDS = [
    *[0, 1, -1, 1800, 2_592_000, 2_592_001, 315_576_000_000, -315_576_000_001],
    *[253_402_300_799, 253_402_300_800, -62_135_596_801, 2**63 - 1, -(2**63)],
]
_ODD_NANOS = [1, 500_000_000, 999_999_999, 10**9, -1, 2**31 - 1, -(2**31)]


@st.composite
def messages(draw: st.DrawFn, message_class: Any) -> Any:
    """A message of the class."""
    message = message_class()
    _Filler(draw, wildness=draw(_WILDNESS)).fill(message, "", 0)
    return message


class _Filler:
    """Fills messages with what it draws; of one hundred values `wildness` are odd."""

    def __init__(self, draw: st.DrawFn, *, wildness: int) -> None:
        self._draw = draw
        self._wildness = wildness

    def fill(self, message: Any, name: str, depth: int) -> None:
        """`name` is that of the field which holds the message."""
        if message.DESCRIPTOR.full_name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
            self._fill_time(message, name)
            return
        for field in message.DESCRIPTOR.fields:
            likely = field.name in _LIKELY or usual_names(field) is not None
            if self._draw(st.integers(0, 99)) < (100 - self._wildness if likely else 15):
                self._set(message, field, depth)

    def _is_odd(self) -> bool:
        return self._wildness > 0 and self._draw(st.integers(0, 99)) < self._wildness

    def _scalar(self, field: FieldDescriptor) -> Any:
        return self._draw(scalars(field, odd=self._is_odd()))

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and depth == _DEEPEST:
            return
        if of := _mask_of(message, field):
            paths = st.lists(_paths(of, odd=self._is_odd()), min_size=1, max_size=3)
            getattr(message, field.name).paths.extend(self._draw(paths))
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            keys = st.lists(map_keys(field, odd=self._is_odd()), max_size=3)
            for key in self._draw(keys):
                self._set_item(getattr(message, field.name), key, field.message_type.fields_by_name["value"])
        elif field.is_repeated:
            items = getattr(message, field.name)
            for _ in range(self._draw(st.sampled_from([1, 1, 1, 2, 3]))):
                if field.message_type is None:
                    items.append(self._scalar(field))
                else:
                    self.fill(items.add(), field.name, depth + 1)
        elif field.message_type is not None:
            child: Message = getattr(message, field.name)
            child.SetInParent()
            self.fill(child, field.name, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _set_item(self, items: Any, key: Any, value: FieldDescriptor) -> None:
        if value.message_type is None:
            items[key] = self._scalar(value)
        else:
            self.fill(items[key], value.name, _DEEPEST)

    def _fill_time(self, message: Any, name: str) -> None:
        odd = self._is_odd()
        usual = _USUAL_SECONDS.get(name, _MOST_SECONDS)
        seconds = self._draw(st.sampled_from(_ODD_SECONDS if odd else usual))
        is_moment = message.DESCRIPTOR.name == "Timestamp"
        message.seconds = seconds + BEGAN if is_moment and abs(seconds) < 10**8 else seconds
        message.nanos = self._draw(st.sampled_from([0, *_ODD_NANOS] if odd else [0, 0, 500_000_000]))


def _mask_of(message: Any, field: FieldDescriptor) -> Any:
    """The descriptor of the message that the mask `field` speaks of; None for a field that is no mask."""
    if field.message_type is None or field.message_type.full_name != "google.protobuf.FieldMask":
        return None
    others = (each.message_type for each in message.DESCRIPTOR.fields if each is not field)
    return next((other for other in others if other is not None), message.DESCRIPTOR)


@cache
def _paths(descriptor: Any, *, odd: bool) -> st.SearchStrategy[str]:
    known = [path for name in descriptor.fields_by_name for path in _paths_below(descriptor, name, 3)]
    if not odd:
        return st.one_of(st.sampled_from([*descriptor.fields_by_name]), st.sampled_from(known))
    camel = [descriptor.fields_by_name[name].camelcase_name for name in descriptor.fields_by_name]
    wrong = ["*", "", ".", "a.b.c", f"{known[0]}.", f"{known[0]}.x", f".{known[0]}", "x." * 1000]
    return st.one_of(st.sampled_from([*camel, *wrong]), ODD_TEXTS)


def _paths_below(descriptor: Any, name: str, depth: int) -> list[str]:
    inner = descriptor.fields_by_name[name].message_type
    if inner is None or depth == 0:
        return [name]
    below = (path for leaf in inner.fields_by_name for path in _paths_below(inner, leaf, depth - 1))
    return [name, *(f"{name}.{path}" for path in below)]
