"""The queue catalog: what a file resolves to, and that every task type has its queues."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from contracts import TASK_TYPES, CatalogError, TaskRegistry, load_catalog
from tests.contracts.catalogs import Document, Write
from tests.contracts.tasks import GreetingV1

CATALOG = Path(__file__).parents[2] / "infra/terraform/queues.yaml"


def test_a_queue_is_its_own_fields_over_the_defaults(document: Document, write: Write) -> None:
    catalog = load_catalog(write(document))
    letters, calls = catalog.get("letters"), catalog.get("calls")
    assert [queue.name for queue in catalog] == ["letters", "calls"]
    assert letters.rate_limits.max_dispatches_per_second == 100
    assert letters.delivery.schedule == (timedelta(seconds=5), timedelta(seconds=300))
    assert letters.delivery.age_limit == timedelta(hours=1)
    assert calls.rate_limits.max_dispatches_per_second == 0.5
    assert calls.rate_limits.max_concurrent_dispatches == 10, "blocks merge key by key"
    assert calls.delivery.schedule == (timedelta(milliseconds=250),), "lists are replaced"
    assert (letters.delivery.realtime, calls.delivery.realtime) == (False, True)
    assert calls.delivery.max_attempts == 3


def test_a_queue_may_hold_nothing_but_its_name(document: Document, write: Write) -> None:
    document["defaults"]["dead_letter_topic"] = "all-dead"
    document["queues"]["bare"] = None
    assert load_catalog(write(document)).get("bare").dead_letter_topic == "all-dead"


def test_cloud_tasks_gets_each_queue_and_its_sibling(document: Document, write: Write) -> None:
    made = list(load_catalog(write(document)).cloud_tasks_queues())
    assert [(queue.name, queue.rate_limits.max_dispatches_per_second) for queue in made] == [
        ("letters", 100),
        ("letters-retry", 5),
        ("calls", 0.5),
        ("calls-retry", 5),
    ]
    assert {queue.retry.max_backoff for queue in made} == {timedelta(seconds=300)}


def test_a_cloud_tasks_queue_is_led_back_to_its_queue(document: Document, write: Write) -> None:
    catalog = load_catalog(write(document))
    assert catalog.carrying("letters") is catalog.carrying("letters-retry") is catalog.get("letters")
    assert catalog.carrying("parcels") is catalog.carrying("parcels-retry") is None
    assert "letters" in catalog
    assert "letters-retry" not in catalog


def test_dead_letter_topics_are_listed_once(document: Document, write: Write) -> None:
    assert load_catalog(write(document)).dead_letter_topics() == ("letters-dead",)


def test_an_unknown_queue_is_named_with_the_known_ones(document: Document, write: Write) -> None:
    path = write(document)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path).get("parcels")
    assert str(caught.value) == f"{path} has no queue 'parcels'; it has: letters, calls"


def test_a_task_type_of_an_unknown_queue_is_refused(document: Document, write: Write) -> None:
    path = write(document)
    with pytest.raises(CatalogError, match="task type 'greeting' names queue 'greetings'") as caught:
        load_catalog(path).check(TaskRegistry([GreetingV1]))
    assert str(path) in str(caught.value)
    assert "name one of: letters, calls" in str(caught.value)


def test_alternate_queues_of_a_task_type_are_checked_too(document: Document, write: Write) -> None:
    class Detoured(GreetingV1):
        queue: ClassVar[str] = "letters"
        alternate_queues: ClassVar[tuple[str, ...]] = ("calls", "parcels")

    with pytest.raises(CatalogError, match="names queue 'parcels'"):
        load_catalog(write(document)).check(TaskRegistry([Detoured]))


def test_the_catalog_of_this_repository_carries_every_task_type() -> None:
    load_catalog(CATALOG).check(TaskRegistry(TASK_TYPES))
