"""Holds what a version promised: compares its shape with the snapshot of it. Pure, no I/O.

Code of one version meets code of the same version in both directions: a new handler reads what an
old producer wrote, and during a deployment an old handler reads what a new producer wrote. Since
readers ignore unknown fields, an added optional field is the one change that both survive; every
other change of shape is a new version with an upcaster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.versioned import Versioned

Schema = Mapping[str, Any]

_NEW_REFUSES = "new code may refuse what old code wrote"
_OLD_REFUSES = "old code may refuse what new code writes"
_NEW_LOSES = "new code loses what old code wrote"
_OLD_LOSES = "old code loses what new code writes"

_ANNOTATIONS = {
    *("title", "description", "default", "examples", "deprecated", "discriminator"),
    *("$schema", "$defs"),
}
_UNIONS = ("anyOf", "oneOf")
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED = {
    *("type", "const", "enum", "properties", "required", "items", "prefixItems"),
    *("additionalProperties", "patternProperties", "propertyNames"),
    *_LOWER_BOUNDS,
    *_UPPER_BOUNDS,
}


def snapshot_name(versioned: type[Versioned]) -> str:
    """File name of the snapshot of this type at its current version."""
    return f"{versioned.name}.v{versioned.version}.json"


def snapshot_text(versioned: type[Versioned]) -> str:
    """The JSON Schema of this type's payload, as a file under version control keeps it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **versioned.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def incompatibilities(old: Schema, new: Schema) -> tuple[str, ...]:
    """What keeps code of the `old` schema and code of the `new` one from reading each other's payloads.

    Both are JSON Schemas as pydantic writes them. Each sentence names the path, the change and who
    suffers from it; none means that the two are compatible. A keyword that is not known here counts
    as incompatible where it differs. Defaults may change: the writer always writes its own.
    """
    return tuple(_Comparison(old, new).walk(old, new, ""))


class _Comparison:
    """One walk down two documents side by side, following each one's own references."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._entered: set[tuple[str, str]] = set()

    def walk(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        old, new = _bare(old), _bare(new)
        if not old and not new:  # anything, on both sides
            return
        place = (json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True))
        if place in self._entered:  # a recursive type, compared further up already
            return
        self._entered.add(place)
        yield from self._compare_unions(_variants(old, self._old), _variants(new, self._new), path)
        self._entered.discard(place)

    def _compare_unions(self, old: list[Schema], new: list[Schema], path: str) -> Iterator[str]:
        """Pair the variants that agree, then those that only look alike; the rest came or went."""
        if len(old) == len(new) == 1:
            yield from self._compare(old[0], new[0], path)
            return
        gone, come = list(old), list(new)
        for before in old:
            match = next((after for after in come if not list(self._compare(before, after, path))), None)
            if match is not None:
                gone.remove(before)
                come.remove(match)
        for before in tuple(gone):
            match = next((after for after in come if _label(after) == _label(before)), None)
            if match is not None:
                gone.remove(before)
                come.remove(match)
                yield from self._compare(before, match, f"{path}<{_label(before)}>")
        for variant in gone:
            yield _sentence(path, f"may no longer be {_label(variant)}", _NEW_REFUSES)
        for variant in come:
            yield _sentence(path, f"may now be {_label(variant)} too", _OLD_REFUSES)

    def _compare(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        """Two schemas without reference or union."""
        other_type = list(_compare_types(old, new, path))
        if other_type:
            yield from other_type
            return
        yield from _compare_values(old, new, path)
        yield from _compare_bounds(old, new, path)
        yield from self._compare_properties(old, new, path)
        yield from self._compare_free_keys(old, new, path)
        yield from self.walk(_schema(old.get("items")), _schema(new.get("items")), f"{path}[]")
        pairs = zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
        for index, (before, after) in enumerate(pairs):  # another number of them is another minItems
            yield from self.walk(before, after, f"{path}[{index}]")
        for keyword in sorted((old.keys() | new.keys()) - _COMPARED):
            yield from _compare_keyword(keyword, old.get(keyword), new.get(keyword), path)

    def _compare_properties(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            place = f"{path}.{name}" if path else name
            if name not in after:
                consequence = _OLD_REFUSES if name in needed_before else _NEW_LOSES
                yield _sentence(place, "was removed or renamed", consequence)
                continue
            if name in needed_after - needed_before:
                yield _sentence(place, "was optional and is required", _NEW_REFUSES)
            if name in needed_before - needed_after:
                yield _sentence(place, "was required and is optional", _OLD_REFUSES)
            yield from self.walk(before[name], after[name], place)
        for name in after:
            if name not in before and name in needed_after:
                place = f"{path}.{name}" if path else name
                yield _sentence(place, "is new and required", _NEW_REFUSES)

    def _compare_free_keys(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        """Keys that `properties` does not name. Refusing and ignoring them is one to a reader."""
        before, after = old.get("additionalProperties", False), new.get("additionalProperties", False)
        if before is False and after is not False:
            yield _sentence(path, "takes free keys now", _OLD_LOSES)
        elif after is False and before is not False:
            yield _sentence(path, "takes no free keys any more", _NEW_LOSES)
        elif before is not False:
            yield from self.walk(_schema(before), _schema(after), f"{path}.*")
        names = _schema(old.get("propertyNames")), _schema(new.get("propertyNames"))
        yield from self.walk(*names, f"{path} (keys)")
        patterns_before, patterns_after = old.get("patternProperties", {}), new.get("patternProperties", {})
        for pattern in sorted(patterns_before.keys() | patterns_after.keys()):
            if pattern not in patterns_after:
                yield _sentence(path, f"takes no keys like {pattern} any more", _NEW_LOSES)
            elif pattern not in patterns_before:
                yield _sentence(path, f"takes keys like {pattern} now", _OLD_LOSES)
            else:
                yield from self.walk(patterns_before[pattern], patterns_after[pattern], f"{path}.*")


def _variants(schema: Schema, document: Schema) -> list[Schema]:
    """What a value may be, as a flat list: references followed, unions opened, annotations dropped."""
    own = _bare(schema)
    if "$ref" in own:
        target: Any = document
        for part in own.pop("$ref").removeprefix("#/").split("/"):
            target = target[part]
        return _variants({**target, **own}, document)
    for union in _UNIONS:
        if union in own:
            members = own.pop(union)
            return [variant for member in members for variant in _variants({**own, **member}, document)]
    return [own]


def _bare(schema: Schema) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _ANNOTATIONS}


def _compare_types(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get("type"), new.get("type")
    if before == after:
        return
    change = f"type changed from {before or 'any'} to {after or 'any'}"
    if not after or (before, after) == ("integer", "number"):
        yield _sentence(path, change, _OLD_REFUSES)
    else:
        yield _sentence(path, change, _NEW_REFUSES)


def _compare_values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """The values that `enum` or `const` name; None where they name none and any value is allowed."""
    before, after = _values(old), _values(new)
    if before is None and after is not None:
        yield _sentence(path, f"is limited to {', '.join(after)} now", _NEW_REFUSES)
    elif before is not None and after is None:
        yield _sentence(path, f"is no longer limited to {', '.join(before)}", _OLD_REFUSES)
    elif before is not None and after is not None:
        for value in before:
            if value not in after:
                yield _sentence(path, f"may no longer be {value}", _NEW_REFUSES)
        for value in after:
            if value not in before:
                yield _sentence(path, f"may now be {value} too", _OLD_REFUSES)


def _compare_bounds(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for keywords, tighter in ((_LOWER_BOUNDS, 1), (_UPPER_BOUNDS, -1)):
        for keyword in keywords:
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            narrowed = before is None or (after is not None and (after - before) * tighter > 0)
            change = f"{keyword} changed from {_show(before)} to {_show(after)}"
            yield _sentence(path, change, _NEW_REFUSES if narrowed else _OLD_REFUSES)


def _compare_keyword(keyword: str, before: Any, after: Any, path: str) -> Iterator[str]:
    """A keyword of no structure that is known here, such as `pattern` or `format`."""
    if before != after:
        change = f"{keyword} changed from {_show(before)} to {_show(after)}"
        yield _sentence(path, change, _OLD_REFUSES if after is None else _NEW_REFUSES)


def _values(schema: Schema) -> list[str] | None:
    if "const" in schema:
        return [_show(schema["const"])]
    return [_show(value) for value in schema["enum"]] if "enum" in schema else None


def _schema(value: Any) -> Schema:
    """The two short forms of a schema spelled out: none or true takes anything, false takes nothing."""
    if value is None or value is True:
        return {}
    return {"not": {}} if value is False else value


def _label(variant: Schema) -> str:
    """What a reader calls a variant: the tag that tells it from the others, or its type."""
    for name, field in variant.get("properties", {}).items():
        if "const" in field:
            return f"{name}={field['const']}"
    values = _values(variant)
    if values is not None:
        return " or ".join(values)
    kind = str(variant.get("type", "anything"))
    return f"{kind} ({variant['format']})" if "format" in variant else kind


def _show(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _sentence(path: str, change: str, consequence: str) -> str:
    return f"{path or 'the payload'}: {change}: {consequence}"
