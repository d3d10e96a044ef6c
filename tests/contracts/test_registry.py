"""The registry: one type a name, and only what is registered."""

from __future__ import annotations

import pytest

from contracts import TASK_TYPES, DeveloperWebhook, DuplicateTask, TaskRegistry, UnknownTask
from tests.contracts.tasks import GreetingV1, GreetingV2


def test_types_are_found_by_name() -> None:
    registry = TaskRegistry([GreetingV1, DeveloperWebhook])
    assert registry.get("greeting") is GreetingV1
    assert tuple(registry) == (GreetingV1, DeveloperWebhook)


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(DuplicateTask, match="GreetingV1 and GreetingV2 are both named 'greeting'"):
        TaskRegistry([GreetingV1, GreetingV2])


def test_the_same_type_twice_is_one_type() -> None:
    assert list(TaskRegistry([GreetingV1, GreetingV1])) == [GreetingV1]


def test_an_unknown_type_is_named_with_the_remedy() -> None:
    with pytest.raises(UnknownTask, match="'farewell'; deploy the handlers that know it first") as caught:
        TaskRegistry([GreetingV1]).get("farewell")
    assert caught.value.name == "farewell"


def test_every_type_of_this_repository_can_be_registered_together() -> None:
    assert set(TaskRegistry(TASK_TYPES)) == set(TASK_TYPES)
