"""Which changes of a task's shape keep its version: an added optional field, and nothing else."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from contracts.compatibility import Schema, incompatibilities, snapshot_name, snapshot_text
from tests.contracts.tasks import GreetingV1, GreetingV2, GreetingV3

NEW_REFUSES = "new code may refuse what old code wrote"
OLD_REFUSES = "old code may refuse what new code writes"
NEW_LOSES = "new code loses what old code wrote"
OLD_LOSES = "old code loses what new code writes"


class Bread(BaseModel):
    kind: Literal["bread"] = "bread"
    slices: int


class BreadWithNote(BaseModel):
    """Bread, as later code describes it."""

    kind: Literal["bread"] = "bread"
    slices: int = Field(description="How many.")
    note: str | None = None


class BreadInHalves(BaseModel):
    kind: Literal["bread"] = "bread"
    slices: float


class Soup(BaseModel):
    kind: Literal["soup"] = "soup"
    bowls: int


class Person(BaseModel):
    name: str
    children: tuple[Person, ...] = ()


class PersonWithAge(BaseModel):
    name: str
    age: int | None = None
    children: tuple[PersonWithAge, ...] = ()


class PersonByNumber(BaseModel):
    name: int
    children: tuple[PersonByNumber, ...] = ()


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slices: int


class Open(BaseModel):
    slices: int


Food = Annotated[Bread | Soup, Field(discriminator="kind")]
WithX = Annotated[str, Field(pattern="^x")]
WithY = Annotated[str, Field(pattern="^y")]


def at_least(bound: int) -> Any:
    return Annotated[int, Field(ge=bound)]


def at_most(length: int) -> Any:
    return Annotated[str, Field(max_length=length)]


def schema(**fields: Any) -> Schema:
    """The schema of a model with these fields: a type alone is required, a pair has a default."""
    definitions = {
        name: field if isinstance(field, tuple) else (field, ...) for name, field in fields.items()
    }
    model: type[BaseModel] = create_model("Meal", **definitions)  # type: ignore[call-overload]  # fields are data
    return model.model_json_schema()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a": int}, {"a": int}),
        ({"a": int}, {"a": int, "b": (str, "")}),
        ({"a": int}, {"a": int, "b": (Bread | None, None)}),
        ({"a": (int, 1)}, {"a": (int, 2)}),
    ],
    ids=["nothing changed", "an optional field came", "an optional object came", "another default"],
)
def test_fields_that_are_compatible(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert incompatibilities(schema(**old), schema(**new)) == ()


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ({"a": int, "b": (int, 0)}, {"a": int}, [f"b: was removed or renamed: {NEW_LOSES}"]),
        ({"a": int, "b": int}, {"a": int}, [f"b: was removed or renamed: {OLD_REFUSES}"]),
        (
            {"a": int},
            {"b": int},
            [f"a: was removed or renamed: {OLD_REFUSES}", f"b: is new and required: {NEW_REFUSES}"],
        ),
        ({"a": int}, {"a": int, "b": int}, [f"b: is new and required: {NEW_REFUSES}"]),
        ({"a": (int, 0)}, {"a": int}, [f"a: was optional and is required: {NEW_REFUSES}"]),
        ({"a": int}, {"a": (int, 0)}, [f"a: was required and is optional: {OLD_REFUSES}"]),
    ],
    ids=[
        *("an optional field went", "a required field went", "another name"),
        *("a required field came", "required", "no longer required"),
    ],
)
def test_fields_that_are_incompatible(old: dict[str, Any], new: dict[str, Any], sentences: list[str]) -> None:
    assert list(incompatibilities(schema(**old), schema(**new))) == sentences


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Bread, BreadWithNote),
        (list[Bread], list[BreadWithNote]),
        (dict[str, Bread], dict[str, BreadWithNote]),
        (tuple[int, Bread], tuple[int, BreadWithNote]),
        (Bread | Soup, Soup | BreadWithNote),
        (Bread | Soup, Food),
        (Person, PersonWithAge),
        (Closed, Open),
        (Literal["x", "y"], Literal["y", "x"]),
        (int, Annotated[int, Field(title="A", description="B", examples=[1])]),
    ],
    ids=[
        *("an optional field further down", "in a list", "in a map", "in a tuple", "in a union"),
        *("a discriminator", "in a recursive type", "unknown fields are ignored either way"),
        *("another order of values", "words about a field"),
    ],
)
def test_types_that_are_compatible(old: Any, new: Any) -> None:
    assert incompatibilities(schema(a=old), schema(a=new)) == ()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (int, str, f"a: type changed from integer to string: {NEW_REFUSES}"),
        (int, float, f"a: type changed from integer to number: {OLD_REFUSES}"),
        (float, int, f"a: type changed from number to integer: {NEW_REFUSES}"),
        (int, JsonValue, f"a: type changed from integer to any: {OLD_REFUSES}"),
        (JsonValue, int, f"a: type changed from any to integer: {NEW_REFUSES}"),
        (int, int | None, f"a: may now be null too: {OLD_REFUSES}"),
        (int | None, int, f"a: may no longer be null: {NEW_REFUSES}"),
        (at_most(9), at_most(8), f"a: maxLength changed from 9 to 8: {NEW_REFUSES}"),
        (at_most(8), at_most(9), f"a: maxLength changed from 8 to 9: {OLD_REFUSES}"),
        (at_least(0), at_least(1), f"a: minimum changed from 0 to 1: {NEW_REFUSES}"),
        (at_least(1), at_least(0), f"a: minimum changed from 1 to 0: {OLD_REFUSES}"),
        (int, at_least(0), f"a: minimum changed from none to 0: {NEW_REFUSES}"),
        (at_most(8), str, f"a: maxLength changed from 8 to none: {OLD_REFUSES}"),
        (str, WithX, f'a: pattern changed from none to "^x": {NEW_REFUSES}'),
        (WithX, str, f'a: pattern changed from "^x" to none: {OLD_REFUSES}'),
        (datetime, date, f'a: format changed from "date-time" to "date": {NEW_REFUSES}'),
        (Literal["x", "y"], Literal["x"], f'a: may no longer be "y": {NEW_REFUSES}'),
        (Literal["x"], Literal["x", "y"], f'a: may now be "y" too: {OLD_REFUSES}'),
        (str, Literal["x", "y"], f'a: is limited to "x", "y" now: {NEW_REFUSES}'),
        (Literal["x", "y"], str, f'a: is no longer limited to "x", "y": {OLD_REFUSES}'),
        (Bread, Food, f"a: may now be kind=soup too: {OLD_REFUSES}"),
        (Food, Bread, f"a: may no longer be kind=soup: {NEW_REFUSES}"),
        (
            Bread | Soup,
            BreadInHalves | Soup,
            f"a<kind=bread>.slices: type changed from integer to number: {OLD_REFUSES}",
        ),
        (
            list[Bread],
            list[BreadInHalves],
            f"a[].slices: type changed from integer to number: {OLD_REFUSES}",
        ),
        (tuple[int, int], tuple[int, str], f"a[1]: type changed from integer to string: {NEW_REFUSES}"),
        (dict[str, int], dict[str, str], f"a.*: type changed from integer to string: {NEW_REFUSES}"),
        (
            dict[Literal["x", "y"], int],
            dict[Literal["x"], int],
            f'a (keys): may no longer be "y": {NEW_REFUSES}',
        ),
        (
            dict[WithX, int],
            dict[WithX, str],
            f"a.*: type changed from integer to string: {NEW_REFUSES}",
        ),
        (Person, PersonByNumber, f"a.name: type changed from string to integer: {NEW_REFUSES}"),
    ],
)
def test_types_that_are_incompatible(old: Any, new: Any, sentence: str) -> None:
    assert incompatibilities(schema(a=old), schema(a=new)) == (sentence,)


def test_another_length_of_a_tuple_is_incompatible() -> None:
    assert incompatibilities(schema(a=tuple[int, int]), schema(a=tuple[int, int, int])) == (
        f"a: minItems changed from 2 to 3: {NEW_REFUSES}",
        f"a: maxItems changed from 2 to 3: {OLD_REFUSES}",
    )


def test_an_object_is_no_map() -> None:
    assert incompatibilities(schema(a=Open), schema(a=dict[str, int])) == (
        f"a.slices: was removed or renamed: {OLD_REFUSES}",
        f"a: takes free keys now: {OLD_LOSES}",
    )
    assert incompatibilities(schema(a=dict[str, int]), schema(a=Open)) == (
        f"a.slices: is new and required: {NEW_REFUSES}",
        f"a: takes no free keys any more: {NEW_LOSES}",
    )


def test_a_map_of_other_keys_is_incompatible() -> None:
    old, new = schema(a=dict[WithX, int]), schema(a=dict[WithY, int])
    assert incompatibilities(old, new) == (
        f"a: takes no keys like ^x any more: {NEW_LOSES}",
        f"a: takes keys like ^y now: {OLD_LOSES}",
    )


def test_a_task_whose_root_refers_to_itself_is_compared() -> None:
    assert incompatibilities(Person.model_json_schema(), PersonWithAge.model_json_schema()) == ()
    assert incompatibilities(Person.model_json_schema(), PersonByNumber.model_json_schema()) == (
        f"name: type changed from string to integer: {NEW_REFUSES}",
    )


def test_an_unknown_keyword_counts_where_it_differs() -> None:
    old = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    new = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": False}}}
    assert incompatibilities(old, old) == ()
    assert incompatibilities(old, new) == (f"a: uniqueItems changed from true to false: {NEW_REFUSES}",)


def test_a_snapshot_is_named_by_type_and_version() -> None:
    assert [snapshot_name(one) for one in (GreetingV1, GreetingV2, GreetingV3)] == [
        "greeting.v1.json",
        "greeting.v2.json",
        "greeting.v3.json",
    ]


def test_a_snapshot_is_the_schema_in_a_form_that_compares_line_by_line() -> None:
    text = snapshot_text(GreetingV1)
    snapshot = json.loads(text)
    assert text == json.dumps(snapshot, indent=2, sort_keys=True) + "\n"
    assert snapshot["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert snapshot["required"] == ["who"]
    assert incompatibilities(snapshot, GreetingV1.model_json_schema()) == ()
