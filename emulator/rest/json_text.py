"""Reads the JSON text of a body and words what is wrong with it as Google does; it knows no field."""

from __future__ import annotations

import json
from typing import NoReturn

from emulator.rest.json_message import Fault, refuse

_SHOWN = 20
"""Characters around a syntax error that its complaint repeats."""


def read_json(body: bytes) -> object:
    """The JSON value; no body at all is an empty object. Raises InvalidArgumentError."""
    if not body.strip():
        return {}
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as exc:
        is_over = exc.pos >= len(text.rstrip())
        reason = "Unexpected end of string." if is_over else "Unexpected token."
        excerpt = text[max(0, exc.pos - _SHOWN) : exc.pos + _SHOWN]
        reason += f"\n{excerpt}\n{' ' * min(exc.pos, _SHOWN)}^"
    except RecursionError:
        reason = "Message too deep."
    except ValueError as exc:  # NaN, or a number of thousands of digits
        reason = f"{exc}."
    refuse([Fault("", f"Invalid JSON payload received. {reason}")])
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is written as a string")
