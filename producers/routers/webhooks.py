"""Accepts what developer webhooks tell of: stored conversations and transcript flushes. Calls no webhook."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from contracts import Conversation, DeveloperWebhook, MemoryCreated, RealtimeTranscript
from producers.enqueue import enqueue
from producers.problems import RESPONSES
from producers.receipt import Receipt

router = APIRouter(prefix="/v1/users/{uid}", tags=["webhooks"], responses=RESPONSES)

Uid = Annotated[str, Path(min_length=1, max_length=128)]


@router.post("/transcript-flushes", status_code=HTTPStatus.ACCEPTED)
async def transcript_flushed(uid: Uid, flush: RealtimeTranscript) -> Receipt:
    """Segments that a stream just produced; `sequence` counts the flushes of `stream_id`."""
    return await enqueue(DeveloperWebhook(uid=uid, event=flush))


@router.post("/conversations", status_code=HTTPStatus.ACCEPTED)
async def conversation_stored(
    uid: Uid, conversation: Conversation, revision: Annotated[int, Query(ge=0)] = 0
) -> Receipt:
    """A conversation was processed; a rebuild of it is told with a higher `revision`."""
    return await enqueue(
        DeveloperWebhook(uid=uid, event=MemoryCreated(conversation=conversation, revision=revision))
    )
