"""What travels between producers, handlers and stores: tasks, events, their forms, the queue catalog."""

from __future__ import annotations

from contracts.app_webhooks import APP_ID, AppTrigger, AppWebhook, app_server
from contracts.bulk_notifications import BulkNotification
from contracts.catalog import Catalog, load_catalog
from contracts.claim_check import BlobReference, owner_digest
from contracts.dead_letters import EVENT_TYPE, DeadLetter
from contracts.envelope import CONTENT_TYPE, Envelope, Position
from contracts.errors import (
    CatalogError,
    ContractError,
    DuplicateTask,
    InvalidEvent,
    InvalidTask,
    NewerVersion,
    Undecodable,
    UnknownTask,
)
from contracts.event_topic import EventTopic
from contracts.events import ConversationCreated, Event, TranscriptFlushed
from contracts.geocoding import Coordinates, Geocode
from contracts.identity import delivery_id, identity_of, task_id
from contracts.notifications import Notification
from contracts.queue import CLAIM_BUDGET, SETTLE_BUDGET, DeliveryPolicy, Queue
from contracts.speech import (
    Embedding,
    Finding,
    ProfileMatch,
    Question,
    Speaker,
    SpeakerEmbedding,
    SpeakersMatched,
    SpeechJob,
    SpeechKind,
    StoredAudio,
    Voice,
    VoiceActivity,
    VoicesFound,
)
from contracts.task import Task, TaskRegistry
from contracts.versioned import Upcaster, Versioned
from contracts.webhooks import (
    ActionItem,
    AudioBytes,
    Conversation,
    DaySummary,
    DeveloperWebhook,
    MemoryCreated,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
    WebhookKind,
    developer_endpoint,
)

__all__ = (
    "APP_ID",
    "CLAIM_BUDGET",
    "CONTENT_TYPE",
    "EVENT_TYPE",
    "EVENT_TYPES",
    "SETTLE_BUDGET",
    "TASK_TYPES",
    "ActionItem",
    "AppTrigger",
    "AppWebhook",
    "AudioBytes",
    "BlobReference",
    "BulkNotification",
    "Catalog",
    "CatalogError",
    "ContractError",
    "Conversation",
    "ConversationCreated",
    "Coordinates",
    "DaySummary",
    "DeadLetter",
    "DeliveryPolicy",
    "DeveloperWebhook",
    "DuplicateTask",
    "Embedding",
    "Envelope",
    "Event",
    "EventTopic",
    "Finding",
    "Geocode",
    "InvalidEvent",
    "InvalidTask",
    "MemoryCreated",
    "NewerVersion",
    "Notification",
    "Position",
    "ProfileMatch",
    "Question",
    "Queue",
    "RealtimeTranscript",
    "Speaker",
    "SpeakerEmbedding",
    "SpeakersMatched",
    "SpeechJob",
    "SpeechKind",
    "StoredAudio",
    "Structured",
    "Task",
    "TaskRegistry",
    "TranscriptFlushed",
    "TranscriptSegment",
    "Undecodable",
    "UnknownTask",
    "Upcaster",
    "Versioned",
    "Voice",
    "VoiceActivity",
    "VoicesFound",
    "WebhookKind",
    "app_server",
    "delivery_id",
    "developer_endpoint",
    "identity_of",
    "load_catalog",
    "owner_digest",
    "task_id",
)

TASK_TYPES: tuple[type[Task], ...] = (
    AppWebhook,
    BulkNotification,
    DeveloperWebhook,
    Geocode,
    Notification,
    SpeechJob,
)
"""Every task type of this repository; `TaskRegistry(TASK_TYPES)` is what its services start with."""

EVENT_TYPES: tuple[type[Event], ...] = (ConversationCreated, TranscriptFlushed)
"""Every event type of this repository; each has its topic in the catalog."""
