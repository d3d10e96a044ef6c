"""What one topic of events does: its subscription, and how often a message comes again. Pure values."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from contracts.queue import Duration, Settings

RESOURCE_ID = r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$"
"""Id of a topic or a subscription (documented)."""


class EventTopic(Settings):
    """One topic of events and the push subscription that leads to the handlers.

    The ranges are those that Pub/Sub documents. A message that the handlers do not take comes again after
    `min_backoff`, doubled each time up to `max_backoff`; after `max_delivery_attempts` Pub/Sub itself
    forwards it to the dead-letter topic.
    """

    name: str = Field(pattern=RESOURCE_ID)
    """Id of the topic, which is the name of its events' type."""
    subscription: str = Field(pattern=RESOURCE_ID)
    ack_deadline: Duration = Field(ge=timedelta(seconds=10), le=timedelta(seconds=600))
    """How long Pub/Sub waits for an answer: the time for enqueueing the tasks of all targets."""
    min_backoff: Duration = Field(ge=timedelta(0), le=timedelta(seconds=600))
    max_backoff: Duration = Field(ge=timedelta(0), le=timedelta(seconds=600))
    max_delivery_attempts: int = Field(strict=True, ge=5, le=100)
    dead_letter_topic: str = Field(pattern=RESOURCE_ID)

    @model_validator(mode="after")
    def _ordered(self) -> EventTopic:
        if self.min_backoff > self.max_backoff:
            raise ValueError("min_backoff must be at most max_backoff")
        if self.dead_letter_topic == self.name:
            raise ValueError("dead_letter_topic must be another topic: its messages would come in a circle")
        return self
