"""Writes the OpenAPI document of the REST surface, from the tables of routes and protobuf's descriptors.

It says what JSON the APIs take, as google.api.http and proto3's JSON mapping define it; it sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from emulator.rest import Route
from emulator.rest.route import Template
from tests.emulator.fuzz.resource_names import QUEUES, SNAPSHOTS, SUBSCRIPTIONS, TASKS, TOPICS, usual_names
from tests.emulator.fuzz.served import Call

Json = dict[str, Any]

_IDS: Mapping[str, list[str]] = {
    "projects": ["sidelane-local"],
    "locations": ["us-central1"],
    "queues": [name.rpartition("/")[2] for name in QUEUES],
    "tasks": sorted({name.rpartition("/")[2] for name in TASKS}),
    "topics": [name.rpartition("/")[2] for name in TOPICS],
    "subscriptions": [name.rpartition("/")[2] for name in SUBSCRIPTIONS],
    "snapshots": [name.rpartition("/")[2] for name in SNAPSHOTS],
    "operations": ["a"],
}
"""What stands after each collection in a path, where it exists."""
_WELL_KNOWN: Mapping[str, Json] = {
    "google.protobuf.Duration": {
        "anyOf": [
            {"enum": ["15s", "60s", "600s", "86400s"]},
            {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"},
        ]
    },
    "google.protobuf.FieldMask": {"enum": ["*", "labels", "retryConfig.maxAttempts", "http_target", "a.b,"]},
    "google.protobuf.Timestamp": {
        "enum": ["2025-09-24T08:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z"]
    },
}
_NUMBER = {"anyOf": [{"enum": [0.5, 1, "NaN", "Infinity", "-Infinity"]}, {"type": "number"}]}
_WHOLE = {"anyOf": [{"enum": [10, "60"]}, {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}]}
_LONG = {"anyOf": [{"enum": [10, "60"]}, {"type": "string", "pattern": "^-?[0-9]{1,19}$"}]}
_SCALARS: Mapping[int, Json] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {
        "anyOf": [{"enum": ["eA==", "e30", "-_8="]}, {"type": "string", "format": "byte"}]
    },
    FieldDescriptor.TYPE_DOUBLE: _NUMBER,
    FieldDescriptor.TYPE_FLOAT: _NUMBER,
    FieldDescriptor.TYPE_INT32: _WHOLE,
    FieldDescriptor.TYPE_INT64: _LONG,
    FieldDescriptor.TYPE_UINT32: _WHOLE,
    FieldDescriptor.TYPE_UINT64: _LONG,
}
_TEXTS: Mapping[str, list[str]] = {
    "filter": [""],
    "pageToken": [""],
    "pushEndpoint": ["http://target.example/push"],
    "serviceAccountEmail": ["me@sidelane-local.iam.gserviceaccount.com"],
    "url": ["http://target.example/path?a=1"],
}
_REQUIRED = {
    "task",
    "httpRequest",
    "url",
    "messages",
    "data",
    "topic",
    "queue",
    "requests",
    "names",
    "maxMessages",
}
"""Without which a call is refused before it gets anywhere; to be left out is for the wrong cases."""


def document(routes: Iterable[Route], raw_paths: Iterable[str], calls: Mapping[str, Call]) -> Json:
    """`calls` are by `Route.method`. `raw_paths` are the templates that take any verb and body."""
    paths: dict[str, Json] = {}
    messages: dict[str, Any] = {}
    for route in routes:
        call = calls.get(route.method)
        path, parameters = _path(route.parsed)
        operation: Json = {"operationId": f"{route.verb} {path}", "parameters": parameters, "responses": {}}
        if call is not None:
            bound = {name for name, _, _ in route.parsed.variables}
            descriptor = call.request.DESCRIPTOR
            if route.body != "*":
                parameters += _query(descriptor, {*bound, route.body})
            if route.body:
                body = descriptor if route.body == "*" else descriptor.fields_by_name[route.body].message_type
                operation["requestBody"] = _json_body(_reference(body, messages))
        paths.setdefault(path, {})[route.verb.lower()] = operation
    for template in raw_paths:
        path, parameters = _path(Template.parse(template))
        body = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
        paths.setdefault(path, {})["post"] = {"parameters": parameters, "requestBody": body, "responses": {}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cloud Tasks and Pub/Sub", "version": "1"},
        "paths": paths,
        "components": {"schemas": _schemas(messages)},
    }


def _path(template: Template) -> tuple[str, list[Json]]:
    """The template with a parameter for each segment that varies."""
    parameters: list[Json] = []
    segments = [""]
    for segment in template.segments:
        if segment != "*":
            segments.append(segment)
            continue
        name = f"p{len(parameters)}"
        known = _IDS[segments[-1]]
        schema = {"enum": known if len(known) == 1 else [*known, "odd~%/"]}
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
        segments.append(f"{{{name}}}")
    path = "/".join(segments)
    return f"{path}:{template.action}" if template.action else path, parameters


def _query(descriptor: Any, bound: set[str]) -> list[Json]:
    """Every field that a query parameter can give, and the system parameters that matter."""
    names = [
        {"name": name, "in": "query", "schema": schema} for name, schema in _query_fields(descriptor, bound)
    ]
    formats = {"enum": ["json", "json;enum-encoding=int"]}
    return [*names, *({"name": name, "in": "query", "schema": formats} for name in ("alt", "$alt"))]


def _query_fields(descriptor: Any, bound: set[str], prefix: str = "") -> Iterator[tuple[str, Json]]:
    for field in descriptor.fields:
        if prefix + field.name in bound:
            continue
        if field.message_type is None:
            scalar = _scalar(field)
            schema = {"type": "array", "items": scalar} if field.is_repeated else scalar
            yield prefix + field.camelcase_name, schema
        elif field.message_type.full_name in _WELL_KNOWN:
            yield prefix + field.camelcase_name, _WELL_KNOWN[field.message_type.full_name]
        elif not field.is_repeated and not prefix:
            yield from _query_fields(field.message_type, bound, f"{field.name}.")


def _json_body(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _reference(descriptor: Any, messages: dict[str, Any]) -> Json:
    if descriptor.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[descriptor.full_name]
    messages[descriptor.full_name] = descriptor
    return {"$ref": f"#/components/schemas/{descriptor.full_name}"}


def _schemas(messages: dict[str, Any]) -> Json:
    """Those of `messages` and of all that they hold."""
    written: Json = {}
    while missing := messages.keys() - written.keys():
        for name in sorted(missing):
            written[name] = {"anyOf": [_object(fields, messages) for fields in _variants(messages[name])]}
    return written


def _variants(descriptor: Any) -> list[list[Any]]:
    """The fields of the message, of each oneof a single one: every field is in a variant."""
    choices = [oneof.fields for oneof in descriptor.oneofs if len(oneof.fields) > 1]
    free = [field for field in descriptor.fields if not any(field in choice for choice in choices)]
    count = max((len(choice) for choice in choices), default=1)
    return [free + [choice[index % len(choice)] for choice in choices] for index in range(count)]


def _object(fields: list[Any], messages: dict[str, Any]) -> Json:
    properties = {field.camelcase_name: _field(field, messages) for field in fields}
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(_REQUIRED & properties.keys()),
        "additionalProperties": False,
    }


def _field(field: Any, messages: dict[str, Any]) -> Json:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        return {"type": "object", "additionalProperties": _item(value, messages), "maxProperties": 4}
    item = _item(field, messages)
    return {"type": "array", "items": item, "maxItems": 4} if field.is_repeated else item


def _item(field: Any, messages: dict[str, Any]) -> Json:
    return _scalar(field) if field.message_type is None else _reference(field.message_type, messages)


def _scalar(field: Any) -> Json:
    if field.enum_type is not None:
        values = [each.name for each in field.enum_type.values] + [
            each.number for each in field.enum_type.values
        ]
        return {"anyOf": [{"enum": values}, {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}]}
    if field.type == FieldDescriptor.TYPE_STRING:
        names = usual_names(field)
        usual = _TEXTS.get(field.camelcase_name, ["a", "b"]) if names is None else sorted({*names})
        return {"anyOf": [{"enum": usual}, {"type": "string"}]}
    return _SCALARS[field.type]
