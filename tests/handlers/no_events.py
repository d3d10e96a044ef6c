"""For a service under test that takes tasks alone."""

from __future__ import annotations

from handlers.events import Events, Outbox
from handlers.pipeline import Pipeline


def no_events(pipeline: Pipeline, outbox: Outbox) -> Events:
    """Events of no subscription at all."""
    return Events(
        callers=pipeline.callers,
        catalog=pipeline.catalog,
        fan_outs={},
        outbox=outbox,
        telemetry=pipeline.telemetry,
        clock=pipeline.clock,
    )
