"""Reads the queue catalog: what each queue does, for producers, handlers, emulator and Terraform alike.

The file holds `defaults` and, per queue, only what differs. Blocks (`rate_limits`, `retry_rate_limits`,
`retry`, `delivery`) merge key by key, everything else is replaced, just as Terraform's
`merge(defaults.block, try(queue.block, {}))` does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import annotated_types
import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from contracts.errors import CatalogError
from contracts.queue import RETRY_SUFFIX, Queue, QueueRetry, RateLimits, Settings, in_seconds
from contracts.task import TaskRegistry


@dataclass(frozen=True, slots=True)
class CloudTasksQueue:
    """The part of a queue that Cloud Tasks itself keeps."""

    name: str
    rate_limits: RateLimits
    retry: QueueRetry


class Catalog:
    """All queues of one deployment. Immutable."""

    def __init__(self, queues: Mapping[str, Queue], source: str) -> None:
        self._queues = dict(queues)
        self._source = source

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def __contains__(self, name: str) -> bool:
        return name in self._queues

    def get(self, name: str) -> Queue:
        """The queue of this name; raises `CatalogError`."""
        try:
            return self._queues[name]
        except KeyError:
            raise CatalogError(
                f"{self._source} has no queue {name!r}; it has: {', '.join(self._queues)}"
            ) from None

    def carrying(self, cloud_queue: str) -> Queue | None:
        """The queue that a Cloud Tasks queue belongs to, siblings included; None where none does."""
        return self._queues.get(cloud_queue) or self._queues.get(cloud_queue.removesuffix(RETRY_SUFFIX))

    def check(self, registry: TaskRegistry) -> None:
        """Raise `CatalogError` where a task type names a queue that the catalog lacks."""
        for task_type in registry:
            for queue in (task_type.queue, *task_type.alternate_queues):
                if queue not in self._queues:
                    raise CatalogError(
                        f"task type {task_type.name!r} names queue {queue!r}, which {self._source} does not "
                        f"have; add it there, or name one of: {', '.join(self._queues)}"
                    )

    def cloud_tasks_queues(self) -> Iterator[CloudTasksQueue]:
        """Every queue as Cloud Tasks knows it, each followed by its `-retry` sibling."""
        for queue in self:
            yield CloudTasksQueue(queue.name, queue.rate_limits, queue.retry)
            yield CloudTasksQueue(queue.retry_queue, queue.retry_rate_limits, queue.retry)

    def dead_letter_topics(self) -> tuple[str, ...]:
        """Topic ids, each once, in the order of the queues."""
        return tuple(dict.fromkeys(queue.dead_letter_topic for queue in self))


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog file.

    Raises:
        CatalogError: naming file, queue, field, value and what is allowed.
    """
    document = _read(path)
    unknown = [key for key in document if key not in ("defaults", "queues")]
    if unknown:
        raise CatalogError(f"{path}: unknown key {unknown[0]!r}; allowed are: defaults, queues")
    defaults, queues = document.get("defaults", {}), document.get("queues")
    if not isinstance(defaults, dict):
        raise CatalogError(
            f"{path}: field 'defaults': {defaults!r} is not allowed: must be a mapping of fields"
        )
    if not isinstance(queues, dict) or not queues:
        raise CatalogError(
            f"{path}: field 'queues': {queues!r} is not allowed: must map queue names to settings"
        )
    return Catalog({name: _resolve(path, name, defaults, own) for name, own in queues.items()}, str(path))


def file_schema() -> dict[str, Any]:
    """The JSON Schema of a catalog file, for editors and for checks without Python's merging."""
    queue = Queue.model_json_schema()
    definitions = queue.pop("$defs")
    for block in (queue, *definitions.values()):
        block.pop("required", None)  # any field may come from the defaults
    name = queue["properties"].pop("name")
    definitions["Queue"] = queue
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sidelane queue catalog",
        "type": "object",
        "additionalProperties": False,
        "required": ["queues"],
        "properties": {
            "defaults": {"$ref": "#/$defs/Queue"},
            "queues": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": name["pattern"], "not": {"pattern": f"{RETRY_SUFFIX}$"}},
                "additionalProperties": {"$ref": "#/$defs/Queue"},
            },
        },
        "$defs": definitions,
    }


_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice; keep one", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        # A SafeLoader with one more refusal.
        document = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506
    except OSError as error:
        raise CatalogError(
            f"{path}: cannot be read ({error.strerror}); name the file with --queues"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise CatalogError(f"{path}: must be a mapping with the keys defaults and queues")
    return document


def _resolve(path: Path, name: object, defaults: dict[str, Any], own: object) -> Queue:
    if own is None:
        own = {}
    if not isinstance(own, dict):
        raise CatalogError(f"{path}: queue {name!r}: {own!r} is not allowed: must be a mapping of fields")
    merged = _merge(defaults, own)
    if "name" in merged:
        raise CatalogError(
            f"{path}: queue {name!r}: field 'name': {merged['name']!r} is not allowed: the key under queues "
            "is the queue's name; remove the field"
        )
    try:
        return Queue.model_validate({**merged, "name": name})
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A block with a faulty item is reported as faulty itself; the item says more.
        places = [fault["loc"] for fault in found]
        innermost = [
            fault
            for fault in found
            if not any(place[: len(fault["loc"])] == fault["loc"] != place for place in places)
        ]
        faults = "\n".join(_explain(path, name, fault) for fault in innermost)
        raise CatalogError(faults) from error


def _merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = {**defaults, **own}
    for key in defaults.keys() & own.keys():
        if isinstance(defaults[key], dict) and isinstance(own[key], dict):
            merged[key] = {**defaults[key], **own[key]}
    return merged


def _explain(path: Path, queue: object, fault: Mapping[str, Any]) -> str:
    place = [str(part) for part in fault["loc"]]
    field = ".".join(place)
    where = f"{path}: queue {queue!r}: " + (f"field {field!r}: " if field else "")
    if fault["type"] == "missing":
        return f"{where}is missing; set it for the queue or under defaults"
    if fault["type"] == "extra_forbidden":
        known = ", ".join(sorted(_model_at(place[:-1]).model_fields.keys() - {"name"}))
        return f"{where}is unknown; known are: {known}"
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "model_type":
        reason = "must be a mapping of fields"
    if not field:
        return where + reason
    value = fault["input"]
    shown = in_seconds(value) if isinstance(value, timedelta) else repr(value)
    allowed = _allowed(place) if fault["type"] in _OUT_OF_RANGE else ""
    return f"{where}{shown} is not allowed: " + (f"must be {allowed}" if allowed else reason)


def _model_at(place: list[str]) -> type[Settings]:
    model: type[Settings] = Queue
    for part in place:
        annotation = model.model_fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, Settings):
            model = annotation
    return model


def _allowed(place: list[str]) -> str:
    """The range of a field, or of the items of one, in words."""
    item = place[-1].isdigit()
    *block, name = place[:-1] if item else place
    field = _model_at(block).model_fields[name]
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
