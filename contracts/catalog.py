"""Reads the queue catalog: what each queue and topic does, for producers, handlers, emulator and Terraform.

The file holds `defaults` and, per queue, only what differs; and every field of each topic of events.
Blocks (`rate_limits`, `retry_rate_limits`, `retry`, `delivery`) merge key by key, everything else is
replaced, just as Terraform's `merge(defaults.block, try(queue.block, {}))` does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from contracts.catalog_faults import explain
from contracts.errors import CatalogError
from contracts.event_topic import EventTopic
from contracts.events import Event
from contracts.queue import RETRY_SUFFIX, Queue, QueueRetry, RateLimits, in_seconds
from contracts.task import TaskRegistry


@dataclass(frozen=True, slots=True)
class CloudTasksQueue:
    """The part of a queue that Cloud Tasks itself keeps."""

    name: str
    rate_limits: RateLimits
    retry: QueueRetry


class Catalog:
    """All queues and topics of one deployment. Immutable."""

    def __init__(self, queues: Mapping[str, Queue], source: str, topics: Iterable[EventTopic] = ()) -> None:
        self._queues = dict(queues)
        self._topics = {topic.name: topic for topic in topics}
        self._source = source
        self._quarantine = next((queue for queue in self._queues.values() if queue.quarantine), None)

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

    @property
    def quarantine(self) -> Queue | None:
        """Where tasks go that are under suspicion of killing their process; None where they stay."""
        return self._quarantine

    def carrying(self, cloud_queue: str) -> Queue | None:
        """The queue that a Cloud Tasks queue belongs to, siblings included; None where none does."""
        return self._queues.get(cloud_queue) or self._queues.get(cloud_queue.removesuffix(RETRY_SUFFIX))

    def event_topics(self) -> tuple[EventTopic, ...]:
        """Every topic of events."""
        return tuple(self._topics.values())

    def topic_of(self, event: type[Event]) -> EventTopic:
        """The topic that carries this type; raises `CatalogError`."""
        try:
            return self._topics[event.name]
        except KeyError:
            raise CatalogError(
                f"event type {event.name!r} needs a topic of its name, which {self._source} does not have; "
                f"add it under events, where there are: {', '.join(self._topics) or 'none'}"
            ) from None

    def check(self, registry: TaskRegistry) -> None:
        """Raise `CatalogError` where a task type names a queue that the catalog lacks."""
        for task_type in registry:
            for queue in (task_type.queue, *task_type.alternate_queues):
                if queue not in self._queues:
                    raise CatalogError(
                        f"task type {task_type.name!r} names queue {queue!r}, which {self._source} does not "
                        f"have; add it there, or name one of: {', '.join(self._queues)}"
                    )
                if self._queues[queue].quarantine:
                    raise CatalogError(
                        f"task type {task_type.name!r} names queue {queue!r}, which {self._source} has for "
                        "quarantine; give the type a queue of its own"
                    )

    def cloud_tasks_queues(self) -> Iterator[CloudTasksQueue]:
        """Every queue as Cloud Tasks knows it, each followed by its `-retry` sibling."""
        for queue in self:
            yield CloudTasksQueue(queue.name, queue.rate_limits, queue.retry)
            yield CloudTasksQueue(queue.retry_queue, queue.retry_rate_limits, queue.retry)

    def dead_letter_topics(self) -> tuple[str, ...]:
        """Topic ids, each once: those of the queues in their order, then those of the topics of events."""
        of_queues = [queue.dead_letter_topic for queue in self]
        return tuple(dict.fromkeys((*of_queues, *(topic.dead_letter_topic for topic in self.event_topics()))))


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog file.

    Raises:
        CatalogError: naming file, queue or topic, field, value and what is allowed.
    """
    document = _read(path)
    unknown = [key for key in document if key not in ("defaults", "queues", "events")]
    if unknown:
        raise CatalogError(f"{path}: unknown key {unknown[0]!r}; allowed are: defaults, queues, events")
    defaults, queues = document.get("defaults", {}), document.get("queues")
    if not isinstance(defaults, dict):
        raise CatalogError(
            f"{path}: field 'defaults': {defaults!r} is not allowed: must be a mapping of fields"
        )
    if not isinstance(queues, dict) or not queues:
        raise CatalogError(
            f"{path}: field 'queues': {queues!r} is not allowed: must map queue names to settings"
        )
    events = document.get("events", {})
    if not isinstance(events, dict):
        raise CatalogError(
            f"{path}: field 'events': {events!r} is not allowed: must map names of topics to settings"
        )
    resolved = {name: _resolve(path, name, defaults, own) for name, own in queues.items()}
    topics = [_topic(path, name, own) for name, own in events.items()]
    _check_ids(path, resolved.values(), topics)
    _check_quarantine(path, resolved.values())
    return Catalog(resolved, str(path), topics)


def file_schema() -> dict[str, Any]:
    """The JSON Schema of a catalog file, for editors and for checks without Python's merging."""
    queue = Queue.model_json_schema()
    definitions = queue.pop("$defs")
    for block in (queue, *definitions.values()):
        block.pop("required", None)  # any field may come from the defaults
    name = queue["properties"].pop("name")
    definitions["Queue"] = queue
    topic = EventTopic.model_json_schema()
    topic["required"].remove("name")
    topic_name = topic["properties"].pop("name")
    definitions["EventTopic"] = topic
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
            "events": {
                "type": "object",
                "propertyNames": {"pattern": topic_name["pattern"]},
                "additionalProperties": {"$ref": "#/$defs/EventTopic"},
            },
        },
        "$defs": definitions,
    }


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
        remedy = "set it for the queue or under defaults"
        raise CatalogError(explain(f"{path}: queue {name!r}", Queue, error, remedy=remedy)) from error


def _topic(path: Path, name: object, own: object) -> EventTopic:
    if not isinstance(own, dict):
        raise CatalogError(f"{path}: event {name!r}: {own!r} is not allowed: must be a mapping of fields")
    if "name" in own:
        raise CatalogError(
            f"{path}: event {name!r}: field 'name': {own['name']!r} is not allowed: the key under events is "
            "the topic's name; remove the field"
        )
    try:
        return EventTopic.model_validate({**own, "name": name})
    except ValidationError as error:
        remedy = "set it; events have no defaults"
        raise CatalogError(explain(f"{path}: event {name!r}", EventTopic, error, remedy=remedy)) from error


def _check_quarantine(path: Path, queues: Collection[Queue]) -> None:
    """There is at most one, and it leaves every task the time that the task's own queue does."""
    quarantines = [queue for queue in queues if queue.quarantine]
    if len(quarantines) > 1:
        first, second, *_ = quarantines
        raise CatalogError(
            f"{path}: queue {second.name!r}: field 'quarantine': queue {first.name!r} is the quarantine "
            "already; keep one"
        )
    longest = max(queues, key=lambda queue: queue.dispatch_deadline)
    for queue in quarantines:
        if queue.dispatch_deadline < longest.dispatch_deadline:
            raise CatalogError(
                f"{path}: queue {queue.name!r}: field 'dispatch_deadline': a quarantine takes tasks of every "
                f"queue and needs the longest, {in_seconds(longest.dispatch_deadline)} of {longest.name!r}"
            )


def _check_ids(path: Path, queues: Iterable[Queue], topics: Collection[EventTopic]) -> None:
    """A dead-letter topic is no topic of events, and its subscription, by its own name, is no event's."""
    buried = {queue.dead_letter_topic for queue in queues} | {topic.dead_letter_topic for topic in topics}
    subscriptions: dict[str, str] = {}
    for topic in topics:
        if topic.name in buried:
            raise CatalogError(
                f"{path}: event {topic.name!r}: a dead_letter_topic has this name; give the latter another"
            )
        other = subscriptions.setdefault(topic.subscription, topic.name)
        if other != topic.name or topic.subscription in buried:
            taken = f"event {other!r}" if other != topic.name else "a dead-letter topic"
            raise CatalogError(
                f"{path}: event {topic.name!r}: field 'subscription': {topic.subscription!r} is not allowed: "
                f"it is that of {taken}; choose another"
            )


def _merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = {**defaults, **own}
    for key in defaults.keys() & own.keys():
        if isinstance(defaults[key], dict) and isinstance(own[key], dict):
            merged[key] = {**defaults[key], **own[key]}
    return merged
