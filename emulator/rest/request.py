"""Makes a call's request message from path, query and body, as google.api.http says; it calls nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from emulator.errors import InvalidArgumentError
from emulator.rest.json_message import Fault, field_named, fill, is_well_known, refuse
from emulator.rest.json_text import read_json

_SYSTEM_PARAMETERS = frozenset(
    {
        "access_token",
        "alt",
        "bearer_token",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "pp",
        "prettyPrint",
        "quotaUser",
        "trace",
        "uploadType",
        "upload_protocol",
        "userIp",
    }
)
"""https://cloud.google.com/apis/docs/system-parameters; names that begin with $ are system parameters too."""
_SHOWN_NAME = 100

Query = Sequence[tuple[str, str]]


def wants_enum_numbers(query: Query) -> bool:
    """Whether `$alt` or `alt` asks for enums as integers. Raises InvalidArgumentError for another format."""
    numbers = False
    for name, value in query:
        if name not in ("alt", "$alt"):
            continue
        form, _, option = value.partition(";")
        if form not in ("json", "") or option not in ("", "enum-encoding=int"):
            raise InvalidArgumentError(f"The format {value[:100]!r} is not served: ask for alt=json.")
        numbers = numbers or bool(option)
    return numbers


def read_request(
    request_class: Any, *, variables: Mapping[str, str], query: Query, body: bytes, body_field: str
) -> Message:
    """The request of a call. Where body and query give the same field, lists and masks are joined.

    `body_field` is that of `Route.body`. Raises InvalidArgumentError, which tells every fault of the request.
    """
    message: Message = request_class()
    of_query: Message = request_class()
    tree, faults = _query_tree(message.DESCRIPTOR, query)
    faults += fill(of_query, tree)
    given = read_json(body)
    if body_field == "*":
        faults += fill(message, given)
    elif body_field:
        part = getattr(message, body_field)
        part.SetInParent()
        faults += fill(part, given, body_field if isinstance(given, dict) else "")
    elif given:
        raise InvalidArgumentError("This call takes no body: send the request without one.")
    refuse(faults)
    message.MergeFrom(of_query)
    for path, value in variables.items():
        _assign(message, path, value)
    return message


def explicit_fields(descriptor: Any, body: bytes) -> frozenset[str]:
    """What a body has values for, as the proto's dotted names. `body` was read without a fault."""
    return frozenset(_given(descriptor, read_json(body), ""))


def _given(descriptor: Any, value: object, prefix: str) -> Iterator[str]:
    for name, item in value.items() if isinstance(value, dict) else ():
        field = field_named(descriptor, name)
        if field is None or item is None:
            continue
        yield prefix + field.name
        if field.message_type is not None and not is_well_known(field.message_type):
            yield from _given(field.message_type, item, f"{prefix}{field.name}.")


def _query_tree(descriptor: Any, query: Query) -> tuple[dict[str, Any], list[Fault]]:
    """The query as JSON: a name may be dotted, and comes once for each item of a list."""
    tree: dict[str, Any] = {}
    faults = []
    for name, value in query:
        if name in _SYSTEM_PARAMETERS or name.startswith("$"):
            continue
        path = _field_path(descriptor, name)
        if path is None:
            faults.append(_cannot_bind(name))
            continue
        *parents, leaf = path
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        if leaf in place:
            known = place[leaf]
            place[leaf] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            place[leaf] = value
    return tree, faults


def _field_path(descriptor: Any, name: str) -> list[str] | None:
    """The proto's names on the way to a field that a query parameter can give."""
    path: list[str] = []
    place: Any = descriptor
    for part in name.split("."):
        field = None if place is None or is_well_known(place) else field_named(place, part)
        if field is None or (field.is_repeated and field.message_type is not None):
            return None
        path.append(field.name)
        place = field.message_type
    return path if place is None or is_well_known(place) else None


def _cannot_bind(name: str) -> Fault:
    shown = name[:_SHOWN_NAME]
    return Fault(
        "",
        f'Invalid JSON payload received. Unknown name "{shown}": Cannot bind query parameter. '
        f"Field '{shown}' could not be found in request message.",
    )


def _assign(message: Any, path: str, value: str) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    setattr(message, leaf, value)
