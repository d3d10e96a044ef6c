"""The table of all scenarios; what they do is elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.emulator.pubsub.differential import delivery_scenarios, resource_scenarios
from tests.emulator.pubsub.differential.session import Seen, Session

Scenario = Callable[[Session], Awaitable[Seen]]

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        resource_scenarios.topics,
        resource_scenarios.subscriptions,
        delivery_scenarios.pulling,
        delivery_scenarios.ordering,
        delivery_scenarios.filtering,
        delivery_scenarios.dead_letters,
        delivery_scenarios.exactly_once,
        delivery_scenarios.seeking,
        delivery_scenarios.snapshots,
        delivery_scenarios.stream_errors,
        delivery_scenarios.streamed,
        delivery_scenarios.pushing,
    )
}
