"""Fills a protobuf message from JSON and words what is wrong with it as Google does; it reads no request.

google.protobuf.json_format reads the same JSON, but ends at the first fault, words it in its own way, lets
broken base64 pass and refuses field masks in snake case, which Google's services take.

Descriptors are `Any` to the type checker: those at run time are not the classes that stubs tell of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from emulator.errors import InvalidArgumentError
from emulator.rest.json_scalar import NotThatType, is_text, scalar

_CAPITAL = re.compile(r"[A-Z]")
_UNDERSCORE = re.compile(r"_([a-z])")
_SHOWN = 100
"""Characters of a wrong value that its complaint repeats."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a field. `path` is in the proto's names and empty for the message itself."""

    path: str
    description: str


def refuse(faults: Iterable[Fault]) -> None:
    """Raises InvalidArgumentError, which tells every fault, if there is one."""
    found = list(faults)
    if not found:
        return
    violations = [
        error_details_pb2.BadRequest.FieldViolation(field=fault.path, description=fault.description)
        for fault in found
    ]
    raise InvalidArgumentError(
        "\n".join(fault.description for fault in found),
        (error_details_pb2.BadRequest(field_violations=violations),),
    )


def _written(text: str) -> str:
    """What a caller sent may hold half a surrogate pair, which no answer can."""
    return text.encode(errors="backslashreplace").decode()


def field_named(descriptor: Any, name: str) -> FieldDescriptor | None:
    """By its name in JSON or in the proto."""
    if not is_text(name):
        return None
    found: FieldDescriptor | None = descriptor.fields_by_camelcase_name.get(name)
    return found or descriptor.fields_by_name.get(name)


def fill(message: Message, value: object, path: str = "") -> Iterator[Fault]:
    """Set the fields of `message` that `value`, a JSON value, gives, and tell what is wrong with the others.

    `path` is where the message stands in the request. Exhaust the iterator: it is what fills.
    """
    if is_well_known(message.DESCRIPTOR):
        yield from _well_known(message, value, path)
        return
    if not isinstance(value, dict):
        yield _invalid(path, f"type.googleapis.com/{message.DESCRIPTOR.full_name}", value)
        return
    chosen: dict[str, FieldDescriptor] = {}
    for name, item in value.items():
        field = field_named(message.DESCRIPTOR, name)
        if field is None:
            yield _unknown(path, name, "Cannot find field.")
            continue
        if item is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and chosen.setdefault(oneof.name, field) is not field:
            yield _invalid_text(
                path,
                "oneof",
                f"oneof field '{oneof.name}' is already set. Cannot set '{field.camelcase_name}'",
            )
            continue
        yield from _set(message, field, item, path)


def _set(message: Message, field: FieldDescriptor, value: object, parent: str) -> Iterator[Fault]:
    path = f"{parent}.{field.name}" if parent else field.name
    if _is_map(field):
        yield from _set_map(message, field, value, path)
    elif field.is_repeated:
        # Google takes a lone value for a list of one.
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            yield from _append(message, field, item, f"{path}[{index}]")
    elif isinstance(value, list):
        yield _unknown(parent, field.camelcase_name, "Proto field is not repeating, cannot start list.")
    elif field.message_type is not None:
        child = getattr(message, field.name)
        child.SetInParent()
        yield from fill(child, value, path)
    elif isinstance(value, dict):
        yield _unknown(parent, field.camelcase_name, "Starting an object on a scalar field")
    else:
        try:
            setattr(message, field.name, scalar(field, value))
        except NotThatType as exc:
            yield _invalid(path, _type_name(field), value, str(exc))


def _append(message: Message, field: FieldDescriptor, value: object, path: str) -> Iterator[Fault]:
    items = getattr(message, field.name)
    if field.message_type is not None:
        yield from fill(items.add(), value, path)
        return
    try:
        items.append(scalar(field, value))
    except NotThatType as exc:
        yield _invalid(path, _type_name(field), value, str(exc))


def _set_map(message: Message, field: FieldDescriptor, value: object, path: str) -> Iterator[Fault]:
    entry: Any = field.message_type
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    if not isinstance(value, dict):
        yield _invalid(path, "map", value)
        return
    items = getattr(message, field.name)
    for index, (name, item) in enumerate(value.items()):
        try:
            key = scalar(key_field, name)
            if value_field.message_type is not None:
                yield from fill(items[key], item, f"{path}[{index}].value")
            else:
                items[key] = scalar(value_field, item)
        except NotThatType as exc:
            yield _invalid(f"{path}[{index}].value", _type_name(value_field), item, str(exc))


def is_well_known(descriptor: Any) -> bool:
    """Whether JSON writes the message as a string."""
    return descriptor.full_name in (
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
        "google.protobuf.Timestamp",
    )


def _well_known(message: Any, value: object, path: str) -> Iterator[Fault]:
    type_name = f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
    if not isinstance(value, str) or not is_text(value):
        yield _invalid(path, type_name, value)
    elif message.DESCRIPTOR.name == "FieldMask":
        message.paths.extend(_snake_case(part.strip()) for part in value.split(",") if part.strip())
    else:
        try:
            message.FromJsonString(value)
        except (ValueError, OverflowError):
            message.Clear()
            name = _camel_case(path.rpartition(".")[2])
            reason = (
                "Illegal duration format; duration must end with 's'"
                if message.DESCRIPTOR.name == "Duration"
                else f"Invalid time format: {json.dumps(value[:_SHOWN])}"
            )
            yield _invalid_text(path, type_name, f"Field '{name}', {reason}")


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _snake_case(path: str) -> str:
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), path)


def _camel_case(name: str) -> str:
    return _UNDERSCORE.sub(lambda letter: letter[1].upper(), name)


def _type_name(field: FieldDescriptor) -> str:
    if field.enum_type is not None:
        return f"type.googleapis.com/{field.enum_type.full_name}"
    return FieldDescriptorProto.Type.Name(FieldDescriptorProto.Type.ValueType(field.type))


def _invalid(path: str, type_name: str, value: object, reason: str = "") -> Fault:
    if not path:
        return Fault("", "Invalid JSON payload received. Root element must be a message.")
    return _invalid_text(path, type_name, reason or json.dumps(value)[:_SHOWN])


def _invalid_text(path: str, type_name: str, text: str) -> Fault:
    return Fault(path, f"Invalid value at '{path}' ({type_name}), {_written(text)}")


def _unknown(path: str, name: str, reason: str) -> Fault:
    place = f" at '{path}'" if path else ""
    shown = _written(name[:_SHOWN])
    return Fault(path, f'Invalid JSON payload received. Unknown name "{shown}"{place}: {reason}')
