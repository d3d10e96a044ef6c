"""Answers questions and processes conversations with a language model. It searches nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from contracts import Conversation
from producers.answers import AnswerLimits, SourcedAnswer, answer
from producers.dependencies import ModelDep, OwnUid, SourcesDep, limited
from producers.leaving import unless_left
from producers.problems import OF_USERS, responses
from producers.processing import App, ProcessingLimits, process
from producers.rate_limit import Group

router = APIRouter(
    prefix="/v1/users/{uid}",
    tags=["retrieval"],
    responses=OF_USERS | responses(413, 422, 500, 502, 503, 504),
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=8_000)


class Answered(BaseModel):
    """An answer, and what it rests on."""

    text: str
    passages: Sequence[str]
    """Ids of the passages that the model was given: number 1 first."""
    missing: Sequence[str]
    """Sources that had no answer in time: this one does without them."""

    @classmethod
    def of(cls, found: SourcedAnswer) -> Self:
        return cls(
            text=found.text, passages=[passage.id for passage in found.passages], missing=found.missing
        )


class ToProcess(BaseModel):
    model_config = ConfigDict(extra="forbid")

    conversation: Conversation
    apps: Sequence[App] = Field(default=(), max_length=20)


class ProcessedConversation(BaseModel):
    id: str
    standard: Mapping[str, str]
    """What every conversation gets, by name: title, overview, action_items, memories."""
    apps: Mapping[str, str]
    """What each app made of it, by its id."""
    missing: Mapping[str, str]
    """What has no answer, and why; an app is `app:ID`. Title and overview are never missing."""


@router.post("/answers")
async def answered(
    uid: OwnUid, question: Question, request: Request, model: ModelDep, sources: SourcesDep
) -> Answered:
    """Search all of the user's sources at once, then answer; who leaves ends it."""
    return Answered.of(await unless_left(request, answer(question.text, uid, sources, model, AnswerLimits())))


@router.post("/processed-conversations")
async def processed(
    uid: OwnUid,  # noqa: ARG001 (whose model quota it is)
    work: ToProcess,
    request: Request,
    model: ModelDep,
) -> ProcessedConversation:
    """Ask everything about a conversation at once, apps included; who leaves ends it."""
    done = await unless_left(request, process(work.conversation, work.apps, model, ProcessingLimits()))
    return ProcessedConversation(
        id=work.conversation.id, standard=done.standard, apps=done.apps, missing=done.missing
    )
