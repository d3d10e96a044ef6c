"""A stream of transcripts and audio on one WebSocket, made durable in flushes. It signs no webhook."""

from __future__ import annotations

from producers.pusher.audio import AudioRoute, DurableAudio, LatestAudio
from producers.pusher.closing import Close, Ended
from producers.pusher.conversation import Conversations, EndedConversation
from producers.pusher.limits import PusherLimits
from producers.pusher.pusher import Pusher, PusherStatistics
from producers.pusher.stream import Socket, Stream

__all__ = (
    "AudioRoute",
    "Close",
    "Conversations",
    "DurableAudio",
    "Ended",
    "EndedConversation",
    "LatestAudio",
    "Pusher",
    "PusherLimits",
    "PusherStatistics",
    "Socket",
    "Stream",
)
