"""The webhook of an app that a user enabled: what its server is told, and the names of those events. Pure."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.identity import identity_of
from contracts.task import Task
from contracts.webhooks import AudioBytes, MemoryCreated, RealtimeTranscript, StreamItem, name_of

AppTrigger = Literal["memory_creation", "transcript_processed", "audio_bytes"]
"""What an app can ask to be told of."""

APP_ID = r"^[A-Za-z0-9_-]{1,64}$"

AppEvent = Annotated[MemoryCreated | RealtimeTranscript | AudioBytes, Field(discriminator="kind")]


def app_server(app_id: str) -> str:
    """The target of everything that an app's server is told: it fails for all of its users alike."""
    return identity_of("app", app_id)


class AppWebhook(Task):
    """Tell an app's server of something that happened to one of its users. One URL per app."""

    name: ClassVar[str] = "app-webhook"
    queue: ClassVar[str] = "app-webhooks"
    alternate_queues: ClassVar[tuple[str, ...]] = ("app-webhooks-realtime",)

    app_id: str = Field(pattern=APP_ID)
    uid: str = Field(min_length=1, max_length=128)
    event: AppEvent

    def identity(self) -> str:
        return identity_of(self.app_id, *name_of(self.uid, self.event))

    def target(self) -> str:
        return app_server(self.app_id)

    def owner(self) -> str:
        return self.uid

    def route(self) -> str:
        realtime = isinstance(self.event, StreamItem)
        return self.alternate_queues[0] if realtime else self.queue

    @property
    def trigger(self) -> AppTrigger:
        """What the app must have asked for."""
        match self.event:
            case MemoryCreated():
                return "memory_creation"
            case RealtimeTranscript():
                return "transcript_processed"
            case AudioBytes():
                return "audio_bytes"
