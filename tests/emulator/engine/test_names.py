"""The anchored rules of resource names, with the service's words."""

from __future__ import annotations

import re

import pytest

from emulator.engine import names
from emulator.errors import InvalidArgumentError

LOCATION = "projects/example.com:proj-1/locations/us-central1"
QUEUE = f"{LOCATION}/queues/webhooks-2"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "webhooks",
        f"xx{QUEUE}",
        f"{QUEUE}/zzz",
        f"{QUEUE}\n",
        f"{LOCATION}/queues/",
        f"{LOCATION}/queues/under_score",
        f"{LOCATION}/queues/{'q' * 101}",
        "projects/p/locations//queues/q",
        "projects/p q/locations/l/queues/q",
    ],
)
def test_a_bad_queue_name_is_refused_with_the_format_and_a_link(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Queue name must be formatted") as caught:
        names.check_queue(name)
    assert caught.value.message == (
        'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
    )
    assert len(caught.value.details) == 1


def test_legal_names_pass() -> None:
    names.check_location(LOCATION)
    names.check_queue(QUEUE)
    names.check_queue(f"{LOCATION}/queues/{'q' * 100}")
    names.check_queue_under(QUEUE, LOCATION)
    assert names.split_task(f"{QUEUE}/tasks/{'A_b-9' * 100}") == (QUEUE, "A_b-9" * 100)
    assert names.queue_id(QUEUE) == "webhooks-2"


def test_a_queue_of_another_location_is_refused() -> None:
    other = "projects/example.com:proj-1/locations/us-central"
    with pytest.raises(InvalidArgumentError, match=re.escape(f"{QUEUE} must begin with {other}.")):
        names.check_queue_under(QUEUE, other)


@pytest.mark.parametrize("task_id", ["", "a b", "a.b", "a/b", "ä", "a\n", "t" * 501])
def test_a_bad_task_id_is_named(task_id: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        names.split_task(f"{QUEUE}/tasks/{task_id}")
    assert caught.value.message == (
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or '
        "underscores (_). Task ID must between 1 and 500 characters."
    )


@pytest.mark.parametrize("name", ["", "t", QUEUE, f"x{QUEUE}/tasks/t", f"{LOCATION}/tasks/t"])
def test_a_task_name_without_a_queue_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Task name must be formatted"):
        names.split_task(name)


def test_a_task_of_another_queue_is_refused() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        names.task_id_under(f"{QUEUE}/tasks/t", f"{LOCATION}/queues/other")
    assert caught.value.message == (
        f"The queue name from request ('{LOCATION}/queues/other') must be the same as the queue name in the "
        f"named task ('{QUEUE}')."
    )


def test_generated_ids_are_digits_and_differ() -> None:
    made = {names.generate_task_id() for _ in range(100)}
    assert len(made) == 100
    assert all(task_id.isdecimal() and len(task_id) == 19 for task_id in made)
