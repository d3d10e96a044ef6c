"""What a producer asks of Cloud Tasks and Pub/Sub, and what stands in for them in tests. The protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class TaskService(Protocol):
    """Where tasks are created; `CloudTasks` says what the methods do and raise."""

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def create(self, request: Any) -> bool: ...


class TopicService(Protocol):
    """Where messages are published; `PubSub` says what the methods do and raise."""

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str: ...
