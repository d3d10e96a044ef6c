"""Cloud Tasks as a test sees it: Google's client, and what the cloud does not tell; it changes no rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, Task

from emulator.drain import queues_left
from emulator.emulator import Emulator
from emulator.tasks import AttemptRecord, DeadTask
from emulator.testing.deliveries import Deliveries
from emulator.testing.delivering import Delivering


class CloudTasksFixture(Delivering):
    """An emulator of one test. `client` is Google's generated async client on it, without a socket."""

    location = f"projects/{Delivering.project}/locations/us-central1"
    _nowhere_to_go = "no app takes tasks, call cloud_tasks.deliver_to(app)"

    def __init__(self, emulator: Emulator, client: CloudTasksAsyncClient, deliveries: Deliveries) -> None:
        super().__init__(emulator, deliveries)
        self.client = client

    def queue_path(self, queue: str) -> str:
        """The full name of a queue that is given by its id or its full name."""
        return queue if "/" in queue else f"{self.location}/queues/{queue}"

    async def create_queue(self, queue: str, **fields: Any) -> Queue:
        """Create a queue by id or full name; `fields` are those of google.cloud.tasks_v2.Queue."""
        name = self.queue_path(queue)
        parent = name.rpartition("/queues/")[0]
        return await self.client.create_queue(parent=parent, queue=Queue(name=name, **fields))

    async def tasks(self, queue: str) -> list[Task]:
        """The tasks that wait or are under way in a queue, all of each, in the order of their creation."""
        request = {"parent": self.queue_path(queue), "response_view": Task.View.FULL}
        return [task async for task in await self.client.list_tasks(request=request)]

    async def dead(self, queue: str | None = None) -> Sequence[DeadTask]:
        """The first 1,000 tasks that used up their attempts, in the order of death."""
        return await self.emulator.tasks.dead(queue and self.queue_path(queue), limit=1000)

    async def attempts(self, name: str) -> Sequence[AttemptRecord]:
        """The attempts of a task that ended, the latest 100, oldest first. It may itself have ended."""
        return await self.emulator.tasks.attempts(name)

    async def _waiting(self) -> list[str]:
        return [queue.name for queue in queues_left(self.emulator.tasks)]
