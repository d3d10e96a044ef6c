"""Which queries Firestore can answer with indexes.json: its rules, since the emulator answers them all.

Source: "Index types in Cloud Firestore" and "Query with range and inequality filters on multiple fields" in
its documentation. A query with equalities alone, or that orders by one field alone, is served by the fields'
own indexes. Every other one needs composite indexes that end in its orders and begin with equalities of it,
each of them in one index at least: Firestore merges them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from google.cloud.firestore_v1.types import StructuredQuery

import stores.firestore

FILE = Path(stores.firestore.__file__).with_name("indexes.json")
ID = "__name__"
"""Every index ends with it."""

Order = tuple[str, str]
"""A field and its direction."""


class Field(NamedTuple):
    group: str
    name: str


class Composite(NamedTuple):
    group: str
    fields: tuple[Order, ...]


Index = Field | Composite


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a query its index depends on."""

    group: str
    equal: frozenset[str]
    orders: tuple[Order, ...]

    @classmethod
    def of(cls, query: StructuredQuery) -> Shape:
        equal: set[str] = set()
        orders = [(each.field.field_path, each.direction.name) for each in query.order_by]
        for each in _filters(query):
            name = each.field.field_path
            if each.op == StructuredQuery.FieldFilter.Operator.EQUAL:
                equal.add(name)
            elif name not in dict(orders):  # what has a range is ordered by
                orders.append((name, "ASCENDING"))
        named = tuple(order for order in orders if order[0] not in equal and order[0] != ID)
        return cls(query.from_[0].collection_id, frozenset(equal), named)


@dataclass(frozen=True, slots=True)
class Indexes:
    """The file, read."""

    composite: frozenset[Composite]
    single: Mapping[Field, bool]
    """Whether a field has an index of its own; a field that is not named has one that nobody decided on."""
    expiring: frozenset[Field]

    @classmethod
    def read(cls) -> Indexes:
        content = json.loads(FILE.read_text())
        overrides: list[dict[str, Any]] = content["fieldOverrides"]
        fields = {Field(each["collectionGroup"], each["fieldPath"]): each for each in overrides}
        return cls(
            composite=frozenset(
                Composite(
                    index["collectionGroup"],
                    tuple((each["fieldPath"], each["order"]) for each in index["fields"]),
                )
                for index in content["indexes"]
            ),
            single={place: bool(each["indexes"]) for place, each in fields.items()},
            expiring=frozenset(place for place, each in fields.items() if each.get("ttl")),
        )

    def serving(self, shape: Shape) -> frozenset[Index] | None:
        """The indexes that serve the query together; None where it cannot be served."""
        if not shape.orders or (len(shape.orders) == 1 and not shape.equal):
            names = shape.equal | dict(shape.orders).keys()
            own = frozenset(Field(shape.group, name) for name in names)
            return own if all(self.single.get(each) for each in own) else None
        merged = {
            index: front
            for index in self.composite
            if index.group == shape.group
            and (front := _front(index, shape.orders)) is not None
            and front <= shape.equal
            and bool(front) == bool(shape.equal)
        }
        complete = frozenset[str]().union(*merged.values()) == shape.equal
        return frozenset(merged) if merged and complete else None


def _front(index: Composite, orders: tuple[Order, ...]) -> frozenset[str] | None:
    """The fields before the orders that the index ends in; None where it does not end in them."""
    cut = len(index.fields) - len(orders)
    if cut < 0 or index.fields[cut:] != orders:
        return None
    return frozenset(name for name, _ in index.fields[:cut])


def _filters(query: StructuredQuery) -> Iterator[StructuredQuery.FieldFilter]:
    where = query.where
    if where.composite_filter.filters:
        yield from (each.field_filter for each in where.composite_filter.filters)
    elif where.field_filter.field.field_path:
        yield where.field_filter
