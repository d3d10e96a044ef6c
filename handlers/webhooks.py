"""Runs developer webhooks: one signed POST to the endpoint that a user registered for a kind of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from contracts import (
    AudioBytes,
    DaySummary,
    DeveloperWebhook,
    MemoryCreated,
    RealtimeTranscript,
)
from handlers.delivery import Busy, End, NotWanted, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from handlers.effect import Delivery
from handlers.signing import signed_headers
from lanes import (
    Answer,
    BadUrl,
    ConnectFailed,
    EgressRefused,
    ExchangeFailed,
    HttpLane,
    LaneError,
    NotAdmitted,
    Request,
    retry_after,
)
from stores import Directory

_OBJECT = TypeAdapter(dict[str, object])
_JSON = "application/json"
_BUSY_PAUSE = timedelta(seconds=5)
"""Until a task that found the lane full tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What a kind of event looks like on the wire, apart from its address and signature."""

    params: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes


class DeveloperWebhooks:
    """The effect of `DeveloperWebhook`."""

    def __init__(self, directory: Directory, lane: HttpLane, *, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._lane = lane
        self._clock = clock

    async def __call__(self, task: DeveloperWebhook, delivery: Delivery) -> End:
        endpoint = await self._directory.endpoint(task.uid, task.event.kind)
        if endpoint is None:
            return NotWanted(Reason.NO_ENDPOINT)
        if endpoint.paused:
            return OwnerPaused()
        wire = on_the_wire(task)
        now = self._clock()
        signature = signed_headers(endpoint.keys, delivery_id=delivery.id, body=wire.content, now=now)
        try:
            answer = await self._lane.send(
                Request(
                    method="POST",
                    url=endpoint.url,
                    deadline=delivery.deadline,
                    params=wire.params,
                    headers={**wire.headers, **signature},
                    content=wire.content,
                )
            )
        except (BadUrl, EgressRefused) as error:
            return TargetRefused(Reason.BLOCKED_ADDRESS, str(error))
        except NotAdmitted as error:
            return Busy(now + _BUSY_PAUSE, str(error))
        except (ConnectFailed, ExchangeFailed) as error:
            return TargetFailed(str(error), connection_lost_after=self._clock() - now)
        except LaneError as error:
            return TargetFailed(str(error))
        return judge(answer, now)


def on_the_wire(task: DeveloperWebhook) -> Wire:
    """Parameters, headers and body of each kind, as their receivers know them."""
    uid = {"uid": task.uid}
    match task.event:
        case MemoryCreated(conversation=conversation):
            content = conversation.model_dump_json().encode()
            return Wire(params=uid, headers={"Content-Type": _JSON}, content=content)
        case RealtimeTranscript(segments=segments) as item:
            content = _OBJECT.dump_json({"segments": segments, "session_id": task.uid}, by_alias=True)
            return Wire(params=uid, headers={"Content-Type": _JSON, **_place(item)}, content=content)
        case AudioBytes(sample_rate=rate, audio=audio) as item:
            headers = {"Content-Type": "application/octet-stream", **_place(item)}
            return Wire(params={"sample_rate": str(rate), **uid}, headers=headers, content=audio)
        case DaySummary(summary=summary, summary_json=summary_json, created_at=created_at):
            content = _OBJECT.dump_json(
                {"summary": summary, "summary_json": summary_json, **uid, "created_at": created_at}
            )
            return Wire(params=uid, headers={"Content-Type": _JSON}, content=content)


def judge(answer: Answer, now: datetime) -> End:
    """What a receiver's answer means: 2xx is taken, everything else is not, redirects included."""
    if 200 <= answer.status < 300:
        return Returned()
    detail = f"answered {answer.status}"
    if answer.headers.get("webhook-delivery", "").strip().lower() == "abort-message":
        return TargetRefused(Reason.ABORTED, f"{detail} with webhook-delivery: abort-message")
    if answer.status == 410:
        return TargetRefused(Reason.GONE, f"{detail} Gone")
    return TargetFailed(detail, retry_after=retry_after(answer.headers.get("retry-after"), now))


def _place(item: RealtimeTranscript | AudioBytes) -> dict[str, str]:
    """Deliveries are unordered: these let a receiver put a stream's items in order."""
    return {"webhook-stream": item.stream_id, "webhook-sequence": str(item.sequence)}
