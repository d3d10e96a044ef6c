"""Accepts stored conversations and transcript flushes: as webhooks, and as events. It calls no webhook.

A call that failed may be repeated: what was told already has its name.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts import (
    Conversation,
    ConversationCreated,
    DeveloperWebhook,
    RealtimeTranscript,
    TranscriptFlushed,
)
from producers.dependencies import OwnUid, limited
from producers.enqueue import enqueue, publish_event
from producers.problems import RESPONSES
from producers.rate_limit import Group
from producers.receipt import Receipt

router = APIRouter(
    prefix="/v1/users/{uid}",
    tags=["webhooks"],
    responses=RESPONSES,
    dependencies=[Depends(limited(Group.EVENTS))],
)


@router.post("/transcript-flushes", status_code=HTTPStatus.ACCEPTED)
async def transcript_flushed(uid: OwnUid, flush: RealtimeTranscript) -> Receipt:
    """Segments that a stream just produced; `sequence` counts the flushes of `stream_id`."""
    receipt = await enqueue(DeveloperWebhook(uid=uid, event=flush))
    await publish_event(
        TranscriptFlushed(
            uid=uid, stream_id=flush.stream_id, sequence=flush.sequence, segments=flush.segments
        )
    )
    return receipt


@router.post("/conversations", status_code=HTTPStatus.ACCEPTED)
async def conversation_stored(
    uid: OwnUid, conversation: Conversation, revision: Annotated[int, Query(ge=0)] = 0
) -> Receipt:
    """A conversation was processed; a rebuild of it is told with a higher `revision`."""
    event = ConversationCreated(uid=uid, conversation=conversation, revision=revision)
    receipt = await enqueue(DeveloperWebhook(uid=uid, event=event.as_webhook()))
    await publish_event(event)
    return receipt
