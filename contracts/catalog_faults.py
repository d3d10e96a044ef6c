"""Says in words what is wrong with a setting of the catalog: place, value and what is allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, get_args

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from contracts.queue import Settings, in_seconds

_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def explain(where: str, model: type[Settings], error: ValidationError, *, remedy: str) -> str:
    """One line for each fault that validating a `model` found.

    Args:
        where: the file and what in it was validated.
        remedy: where a missing field can be set.
    """
    found = error.errors(include_url=False)
    # A block with a faulty item is reported as faulty itself; the item says more.
    places = [fault["loc"] for fault in found]
    innermost = [
        fault
        for fault in found
        if not any(place[: len(fault["loc"])] == fault["loc"] != place for place in places)
    ]
    return "\n".join(_sentence(where, model, fault, remedy) for fault in innermost)


def _sentence(where: str, model: type[Settings], fault: Mapping[str, Any], remedy: str) -> str:
    place = [str(part) for part in fault["loc"]]
    field = ".".join(place)
    start = f"{where}: " + (f"field {field!r}: " if field else "")
    if fault["type"] == "missing":
        return f"{start}is missing; {remedy}"
    if fault["type"] == "extra_forbidden":
        known = ", ".join(sorted(_model_at(model, place[:-1]).model_fields.keys() - {"name"}))
        return f"{start}is unknown; known are: {known}"
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "model_type":
        reason = "must be a mapping of fields"
    if not field:
        return start + reason
    value = fault["input"]
    shown = in_seconds(value) if isinstance(value, timedelta) else repr(value)
    allowed = _allowed(model, place) if fault["type"] in _OUT_OF_RANGE else ""
    return f"{start}{shown} is not allowed: " + (f"must be {allowed}" if allowed else reason)


def _model_at(model: type[Settings], place: list[str]) -> type[Settings]:
    for part in place:
        annotation = model.model_fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, Settings):
            model = annotation
    return model


def _allowed(model: type[Settings], place: list[str]) -> str:
    """The range of a field, or of the items of one, in words."""
    item = place[-1].isdigit()
    *block, name = place[:-1] if item else place
    field = _model_at(model, block).model_fields[name]
    if item:
        field = FieldInfo.from_annotation(get_args(field.annotation)[0])
    words = []
    for rule in field.metadata:
        for mark, kind, bound in (
            (">", annotated_types.Gt, "gt"),
            (">=", annotated_types.Ge, "ge"),
            ("<", annotated_types.Lt, "lt"),
            ("<=", annotated_types.Le, "le"),
        ):
            if isinstance(rule, kind):
                value: object = getattr(rule, bound)
                words.append(f"{mark} {in_seconds(value) if isinstance(value, timedelta) else value}")
    return " and ".join(words)
