"""Makes the tables of the console page from what runs; it draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.http import Table
from emulator.pubsub import PubSub
from emulator.tasks import TasksService


async def overview(tasks: TasksService, pubsub: PubSub) -> Sequence[Table]:
    """Queues and subscriptions, with the counts of this moment."""
    queues = [
        (
            queue.name,
            "paused" if queue.paused else "running",
            queue.dispatch.waiting,
            queue.dispatch.in_flight,
            queue.dispatch.max_in_flight,
        )
        for queue in tasks.queues()
    ]
    subscriptions = [(backlog.subscription, backlog.unacknowledged) for backlog in await pubsub.backlogs()]
    return (
        Table(title="Queues", columns=("queue", "state", "waiting", "in flight", "at most"), rows=queues),
        Table(title="Subscriptions", columns=("subscription", "not acknowledged"), rows=subscriptions),
    )
