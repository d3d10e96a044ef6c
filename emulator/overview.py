"""Makes the tables of the console page from what runs; it draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.http import Table
from emulator.pubsub import PubSub
from emulator.tasks import TasksService

_DEAD_SHOWN = 100


async def overview(tasks: TasksService, pubsub: PubSub) -> Sequence[Table]:
    """Queues, dead tasks (the oldest 100) and subscriptions, with the counts of this moment."""
    stats = tasks.stats_by_queue()
    queues = [
        (
            queue.name,
            "paused" if queue.paused else "running",
            queue.dispatch.waiting,
            queue.dispatch.in_flight,
            queue.dispatch.max_in_flight,
            f"{stats[queue.name].effective_execution_rate:g}/s",
        )
        for queue in tasks.queues()
    ]
    dead = [
        (f"{task.queue}/tasks/{task.task_id}", task.reason, task.dispatch_count)
        for task in await tasks.dead(limit=_DEAD_SHOWN)
    ]
    subscriptions = [(backlog.subscription, backlog.unacknowledged) for backlog in await pubsub.backlogs()]
    return (
        Table(
            title="Queues", columns=("queue", "state", "waiting", "in flight", "at most", "rate"), rows=queues
        ),
        Table(title="Dead tasks", columns=("task", "reason", "attempts"), rows=dead),
        Table(title="Subscriptions", columns=("subscription", "not acknowledged"), rows=subscriptions),
    )
