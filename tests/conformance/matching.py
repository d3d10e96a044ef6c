"""Fills variables into a row and compares what was expected with what came; it calls nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_VARIABLE = re.compile(r"\$(\w+)")
_GENERATED = re.compile(r"\$\{(in|chars|bytes) (-?\d+)\}")


def filled(value: Any, variables: Mapping[str, str], *, now: float) -> Any:
    """`value` with `$name` replaced, and in whole strings `${in SECONDS}` (a time), `${chars N}` (as many
    letters) and `${bytes N}` (as many bytes in base64).

    `{$repeat: [N, item]}` is a list of N items, in each of which `$i` is its number.
    """
    if isinstance(value, dict) and "$repeat" in value:
        count, item = value["$repeat"]
        return [filled(item, {**variables, "i": str(number)}, now=now) for number in range(count)]
    if isinstance(value, dict):
        return {_text(name, variables, now): filled(item, variables, now=now) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, variables, now=now) for item in value]
    return _text(value, variables, now) if isinstance(value, str) else value


def _text(text: str, variables: Mapping[str, str], now: float) -> str:
    def generate(match: re.Match[str]) -> str:
        amount = int(match[2])
        if match[1] == "in":
            moment = datetime.fromtimestamp(now, UTC) + timedelta(seconds=amount)
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return "a" * amount if match[1] == "chars" else base64.b64encode(bytes(amount)).decode()

    text = _GENERATED.sub(generate, text)
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Where `actual` is not as expected; empty where it is.

    An object may have more fields than expected. A string `<absent>` stands for a field that is not there,
    `<any>` for any value, and `/…/` for a string that the regular expression matches as a whole.
    """
    if isinstance(expected, str) and len(expected) > 1 and expected[0] == expected[-1] == "/":
        is_match = isinstance(actual, str) and re.fullmatch(expected[1:-1], actual, re.DOTALL)
        return [] if is_match else [f"{path}: {actual!r} is not {expected}"]
    if expected == "<any>":
        return []
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = []
        for name, item in expected.items():
            place = f"{path}.{name}" if path else name
            if item == "<absent>":
                found += [f"{place}: {actual[name]!r} is there"] if name in actual else []
            elif name not in actual:
                found.append(f"{place}: missing")
            else:
                found += differences(item, actual[name], place)
        return found
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for index, (one, other) in pairs for line in differences(one, other, f"{path}[{index}]")]
    return [] if expected == actual else [f"{path}: {actual!r} is not {expected!r}"]
