"""Takes files and questions about them. It reads no file and asks no model itself."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from producers.answers import AnswerLimits, answer
from producers.dependencies import LanesDep, ModelDep, OwnUid, SourcesDep, UploadsDep
from producers.incoming_files import BODY, keep_files
from producers.leaving import unless_left
from producers.problems import OF_USERS, responses
from producers.routers.retrieval import Answered
from producers.sources import FileSource

router = APIRouter(
    prefix="/v1/users/{uid}/chat", tags=["chat"], responses=OF_USERS | responses(413, 422, 500, 503)
)

FileId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class ChatFile(BaseModel):
    id: str
    label: str
    size: int


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=8_000)
    file_ids: Sequence[FileId] = Field(default=(), max_length=8)


@router.post("/files", status_code=HTTPStatus.CREATED, openapi_extra=BODY, responses=responses(408))
async def files(uid: OwnUid, request: Request, uploads: UploadsDep) -> Sequence[ChatFile]:
    """Keep text files for questions to come: all of them, or none."""
    kept = await keep_files(request, uploads, uid)
    return [ChatFile(id=upload.id, label=upload.label, size=upload.size) for upload in kept]


@router.post("/messages", responses=responses(404, 502, 504))
async def message(
    uid: OwnUid,
    message: ChatMessage,
    request: Request,
    lanes: LanesDep,
    uploads: UploadsDep,
    model: ModelDep,
    sources: SourcesDep,
) -> Answered:
    """Answer from the user's sources and the files named; who leaves ends it."""
    named = []
    for file_id in dict.fromkeys(message.file_ids):
        upload = await uploads.find(uid, file_id)
        if upload is None:
            raise HTTPException(404, f"file_ids: there is no file {file_id}")
        named.append(FileSource(f"file:{file_id}", lanes.files, upload.path))
    found = await unless_left(request, answer(message.text, uid, [*named, *sources], model, AnswerLimits()))
    return Answered.of(found)
