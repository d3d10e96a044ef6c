"""Merges the fields that an update names into a resource; pure, and it knows no resource of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from google.protobuf import field_mask_pb2
from google.protobuf.descriptor import Descriptor

from emulator.errors import InvalidArgumentError

_CAPITAL = re.compile(r"[A-Z]")

R = TypeVar("R")
"""A resource, a proto-plus message."""


def merged(current: R, given: R, paths: Sequence[str], mutable: Collection[str]) -> R:
    """`current` with the fields `paths` as they are in `given`; what is not set there is cleared.

    Paths may be nested, in snake case or camel case (REST clients send that). `mutable` names the fields that
    an update may change. Raises INVALID_ARGUMENT.
    """
    kind: Any = type(current)
    name = kind.__name__
    if not paths:
        raise InvalidArgumentError(
            f"The update_mask in the Update{name}Request must be set, "
            "and must contain a non-empty paths list."
        )
    snake = [_CAPITAL.sub(lambda match: f"_{match[0].lower()}", path) for path in paths]
    for path, asked in zip(snake, paths, strict=True):
        _check(path, asked, kind.pb().DESCRIPTOR, mutable, name)
    result: R = kind(current)
    mask = field_mask_pb2.FieldMask(paths=snake)
    mask.MergeMessage(
        kind.pb(given), kind.pb(result), replace_message_field=True, replace_repeated_field=True
    )
    return result


def _check(path: str, asked: str, descriptor: Descriptor, mutable: Collection[str], name: str) -> None:
    problem = f"Invalid update_mask provided in the Update{name}Request"
    if not _is_known(path.split("."), descriptor):
        raise InvalidArgumentError(f"{problem}: {asked[:100]} is not a known {name} field.")
    if path.split(".")[0] not in mutable:
        raise InvalidArgumentError(f"{problem}: the {path} field in the {name} is not mutable.")


def _is_known(parts: Sequence[str], descriptor: Descriptor) -> bool:
    field = descriptor.fields_by_name.get(parts[0])
    if field is None:
        return False
    if len(parts) == 1:
        return True
    inner = field.message_type
    return inner is not None and not field.is_repeated and _is_known(parts[1:], inner)
