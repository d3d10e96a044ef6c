"""Between Terraform's values and Google's JSON, for resources that are kept by REST. Pure.

A single block is a list of one object there and an object here; names are in snake case there and in camel
case here. What the configuration does not set is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.terraform.provider.schema import Argument, Body

Json = dict[str, Any]


def camel(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def to_json(body: Body, values: Mapping[str, Any], *, without: frozenset[str]) -> Json:
    """What the configuration sets; the provider leaves zero values out as well."""
    found: Json = {}
    for name in body.arguments.keys() - without:
        argument = body.arguments[name]
        if (value := values.get(name)) and not _is_output(argument):
            found[camel(name)] = _typed(argument, value)
    for name, block in body.blocks.items():
        inner = [to_json(block.body, each, without=frozenset()) for each in values.get(name) or []]
        if inner:
            found[camel(name)] = inner[0] if block.is_single else inner
    return found


def merged(body: Body, state: Mapping[str, Any], answer: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """The state with what the service says of it; `whole`: also of what the state does not have."""
    found = dict(state)
    for name, argument in body.arguments.items():
        told = answer.get(camel(name))
        if told is not None and (whole or state.get(name) is not None or _is_output(argument)):
            found[name] = _typed(argument, told)
    for name, block in body.blocks.items():
        told = answer.get(camel(name))
        before = state.get(name) or []
        if not whole and not before:
            continue
        listed = [] if told is None else [told] if block.is_single else told
        found[name] = [
            merged(
                block.body, before[place] if place < len(before) else block.body.empty(), each, whole=whole
            )
            for place, each in enumerate(listed)
        ]
    return found


def _is_output(argument: Argument) -> bool:
    return argument.computed and not argument.optional


def _typed(argument: Argument, value: object) -> object:
    """Numbers that binary fractions cannot hold travel as text."""
    if argument.type == "number" and isinstance(value, str):
        return float(value) if "." in value else int(value)
    return value
