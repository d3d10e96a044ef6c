"""Each side effect has a page, and the figures and names on the pages of webhooks are those of the code."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from contracts import EVENT_TYPES, TASK_TYPES, BulkNotification, Task, load_catalog
from contracts.event_topic import EventTopic
from handlers.answer_message import MAX_LENGTH, MIN_LENGTH
from handlers.ends import Reason
from handlers.events import MAX_IN_FLIGHT

PAGES = Path("docs/side-effects")
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
APPS, DEVELOPERS = TEXTS["app-webhooks"], TEXTS["developer-webhooks"]


@pytest.mark.parametrize("task_type", [each for each in TASK_TYPES if each is not BulkNotification])
def test_a_side_effect_has_a_page_that_names_its_task_and_queues(task_type: type[Task]) -> None:
    page = next(text for text in TEXTS.values() if f"enqueue({task_type.__name__}(" in text)
    for queue in (task_type.queue, *task_type.alternate_queues):
        assert f"`{queue}`" in page


def patience(topic: EventTopic) -> timedelta:
    """From a message's first delivery to its last, where each fails at once."""
    waits = [
        min(topic.min_backoff * 2 ** min(number, 20), topic.max_backoff)
        for number in range(topic.max_delivery_attempts - 1)
    ]
    return sum(waits, timedelta())


def test_the_figures_of_events_are_those_of_the_catalog() -> None:
    catalog = load_catalog(Path("infra/terraform/queues.yaml"))
    hours = {topic.name: patience(topic) / timedelta(hours=1) for topic in catalog.event_topics()}
    assert round(hours["conversation-created"]) == 16
    assert "conversations: after some 16 hours" in APPS
    assert round(hours["transcript-flushed"]) == 1
    assert "flushes: after about an hour" in APPS
    assert f"| {MAX_IN_FLIGHT} events are being fanned out" in APPS
    assert all(event.__name__ in APPS for event in EVENT_TYPES)


@pytest.mark.parametrize("page", [APPS, DEVELOPERS])
def test_the_figures_of_messages_are_those_of_the_code(page: str) -> None:
    text = " ".join(page.split())
    assert f"`message` of {MIN_LENGTH} characters or more" in text
    assert f"cut off after {MAX_LENGTH:,} characters" in text


def test_the_reasons_on_the_pages_are_reasons() -> None:
    for reason in (Reason.NOT_ENABLED, Reason.OWNER_PAUSED, Reason.ENDPOINT_DISABLED):
        assert f"`{reason}`" in APPS
    for reason in (Reason.NO_ENDPOINT, Reason.OWNER_PAUSED, Reason.BLOCKED_ADDRESS):
        assert f"`{reason}`" in DEVELOPERS
