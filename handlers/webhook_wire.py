"""What an event looks like on the wire to the receiver of a webhook. Pure; it knows no address and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from contracts import AudioBytes, DaySummary, MemoryCreated, RealtimeTranscript
from contracts.webhooks import WebhookEvent

_OBJECT = TypeAdapter(dict[str, object])
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """An event's own part of a request, apart from its address and signature."""

    params: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes


def on_the_wire(uid: str, event: WebhookEvent) -> Wire:
    """Parameters, headers and body of each kind, as their receivers know them."""
    user = {"uid": uid}
    match event:
        case MemoryCreated(conversation=conversation):
            content = conversation.model_dump_json().encode()
            return Wire(params=user, headers={"Content-Type": _JSON}, content=content)
        case RealtimeTranscript(segments=segments) as item:
            content = _OBJECT.dump_json({"segments": segments, "session_id": uid}, by_alias=True)
            return Wire(params=user, headers={"Content-Type": _JSON, **_place(item)}, content=content)
        case AudioBytes(sample_rate=rate, audio=audio) as item:
            headers = {"Content-Type": "application/octet-stream", **_place(item)}
            return Wire(params={"sample_rate": str(rate), **user}, headers=headers, content=audio)
        case DaySummary(summary=summary, summary_json=summary_json, created_at=created_at):
            content = _OBJECT.dump_json(
                {"summary": summary, "summary_json": summary_json, **user, "created_at": created_at}
            )
            return Wire(params=user, headers={"Content-Type": _JSON}, content=content)


def _place(item: RealtimeTranscript | AudioBytes) -> dict[str, str]:
    """Deliveries are unordered: these let a receiver put a stream's items in order."""
    return {"webhook-stream": item.stream_id, "webhook-sequence": str(item.sequence)}
