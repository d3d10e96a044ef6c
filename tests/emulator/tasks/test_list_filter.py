"""ListQueues' filter: which queues pass, and what is wrong with what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue

from emulator.errors import InvalidArgumentError
from emulator.tasks.list_filter import parse_filter
from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, queue

PAUSED = queue(
    state=Queue.State.PAUSED,
    rate_limits={"max_dispatches_per_second": 0.5, "max_burst_size": 100},
    retry_config={"max_attempts": -1, "min_backoff": {"nanos": 100_000_000}},
    purge_time=datetime(2026, 1, 31, 12, tzinfo=UTC),
)
PLACE = locations_pb2.Location(location_id="l", labels={"cloud.googleapis.com/region": "l"})

PASSES = [
    "",
    "  ",
    "state: PAUSED",
    "state:PAUSED",
    'state = "PAUSED"',
    "state != RUNNING",
    "NOT state = RUNNING",
    "-state = RUNNING",
    "state = RUNNING OR state = PAUSED",
    "state = PAUSED AND name: webhooks",
    "state = PAUSED name: WEBHOOKS",
    f"name = {QUEUE}",
    f"name >= '{QUEUE}'",
    "(state = RUNNING AND name: x) OR rate_limits: *",
    "state = PAUSED AND state = RUNNING OR name: webhooks",  # OR binds tighter
    "rate_limits.max_dispatches_per_second = 0.5",
    "rateLimits.maxDispatchesPerSecond < 1e0",
    "retry_config.max_attempts < 0",
    "retry_config.max_attempts = -1",
    "retry_config.min_backoff >= 0.1s",
    'purge_time > "2026-01-31T11:59:59Z"',
    'purge_time <= "2026-01-31T13:00:00+01:00"',
    "NOT http_target: *",
    "NOT (state = RUNNING)",
]
DOES_NOT_PASS = [
    "state: RUNNING",
    "name: other",
    "name = webhooks",
    "rate_limits.max_dispatches_per_second > 0.5",
    "state = PAUSED AND name: other",
    "retry_config.max_retry_duration < 1s",  # not set: no comparison holds
    "retry_config.max_retry_duration != 1s",
    "http_target.uri_override.host: x",
    "NOT state = PAUSED",
]
REFUSED = [
    ("PAUSED", "The filter names 'PAUSED', which is no field of a Queue: give one of name, "),
    ("color = red", "The filter names 'color', which is no field of a Queue"),
    ("name.x = 1", "The filter names 'name.x', which is no field of a Queue"),
    ("state", "The filter has the end where it needs one of ="),
    ("state =", "The filter has the end where it needs a value"),
    ("state = PAUSED AND", "The filter has the end where it needs a field"),
    ("state = PAUSED)", "The filter has ')' at character 15 where it needs an operator or the end"),
    ("(state = PAUSED", "The filter has the end where it needs ')'"),
    ("OR", "The filter has 'OR' at character 1 where it needs a field"),
    ('state = "PAUSED', "The filter cannot be read from character 9 on"),
    ("state = SLEEPING", "The filter compares state with 'SLEEPING': give one of STATE_UNSPECIFIED, RUNNING"),
    ("state > PAUSED", "The filter orders state by >: give = or != instead."),
    ("name =~ x", "The filter compares by =~: give one of ="),
    ("rate_limits = 1", "The filter compares rate_limits, which has fields of its own"),
    ("rate_limits.max_burst_size = many", "The filter compares rate_limits.max_burst_size with 'many'"),
    (
        "retry_config.min_backoff > 1",
        "The filter compares retry_config.min_backoff with '1': give a duration",
    ),
    ("purge_time > yesterday", "The filter compares purge_time with 'yesterday': give a time in quotes"),
    ("name = " + "x" * 3000, "The filter has 3007 characters: give at most 2048."),
    ("(" * 100, "The filter nests deeper than 32 parentheses: flatten it."),
]


@pytest.mark.parametrize("text", PASSES)
def test_what_passes(text: str) -> None:
    assert parse_filter(text, Queue.pb().DESCRIPTOR)(Queue.pb(PAUSED))


@pytest.mark.parametrize("text", DOES_NOT_PASS)
def test_what_does_not_pass(text: str) -> None:
    assert not parse_filter(text, Queue.pb().DESCRIPTOR)(Queue.pb(PAUSED))


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_filter(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_filter(text, Queue.pb().DESCRIPTOR)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ('labels."cloud.googleapis.com/region" = l', True),
        ('labels."cloud.googleapis.com/region" = x', False),
        ('labels: "cloud.googleapis.com/region"', True),
        ("labels: zone", False),
        ("labels.zone = l", False),
        ("labels: *", True),
        ("display_name: *", False),
        ("locationId = l", True),
    ],
)
def test_fields_of_a_map(text: str, passes: bool) -> None:
    assert parse_filter(text, locations_pb2.Location.DESCRIPTOR)(PLACE) is passes


async def test_queues_are_filtered_over_all_pages(client: CloudTasksAsyncClient) -> None:
    async def names(**request: Any) -> list[str]:
        pager = await client.list_queues(request={"parent": LOCATION, **request})
        return [found.name async for found in pager]

    await client.pause_queue(name=OTHER_QUEUE)
    await client.create_queue(parent=LOCATION, queue=queue(f"{LOCATION}/queues/third"))
    assert await names(filter="state: PAUSED") == [OTHER_QUEUE]
    running = [f"{LOCATION}/queues/third", QUEUE]
    assert await names(filter="state: RUNNING") == running
    assert await names(filter="state: RUNNING", page_size=1) == running
