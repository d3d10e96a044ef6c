"""Takes recordings, finds where somebody speaks in them, and gives them back. It computes nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from lanes import LaneError, Lanes
from lanes import Request as Outgoing
from producers.dependencies import LanesDep, OwnUid, UploadsDep, limited
from producers.downloads import download
from producers.incoming_files import BODY, keep_files
from producers.leaving import unless_left
from producers.parallel_files import process_files
from producers.problems import OF_USERS, responses
from producers.rate_limit import Group
from producers.recordings import Recording, measure
from producers.uploads import Upload, Uploads

FETCH_DEADLINE = 60.0
MEASURE_DEADLINE = 120.0
AT_A_TIME = 3
"""Files of one request that are measured at a time: the critical executor has a thread more."""

router = APIRouter(
    prefix="/v1/users/{uid}/recordings",
    tags=["sync"],
    responses=OF_USERS | responses(408, 413, 422, 500, 503, 504),
    dependencies=[Depends(limited(Group.UPLOADS))],
)

RecordingId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


class Synced(BaseModel):
    """What became of one file."""

    label: str
    """The file's name, as its sender has it."""
    id: str | None = None
    size: int
    recording: Recording | None = None
    error: str | None = None
    """Why it was not kept."""


class Fetch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2_000)


@router.post("", openapi_extra=BODY)
async def synced(uid: OwnUid, request: Request, lanes: LanesDep, uploads: UploadsDep) -> Sequence[Synced]:
    """Keep recordings (WAV, 16 bits, mono), each judged for itself, in the order they were sent."""
    kept = await keep_files(request, uploads, uid)
    return await unless_left(request, _measured(kept, lanes, uploads))


@router.post("/fetched", responses=responses(502))
async def fetched(
    uid: OwnUid, fetch: Fetch, request: Request, lanes: LanesDep, uploads: UploadsDep
) -> Synced:
    """Keep a recording from a public address; it is written as it comes."""

    async def fetch_it() -> Synced:
        outgoing = Outgoing(method="GET", url=fetch.url, deadline=FETCH_DEADLINE)
        async with lanes.http.default.stream(outgoing) as answer:
            if answer.status != HTTPStatus.OK:
                raise HTTPException(502, f"url: it answers {answer.status}")
            kept = await uploads.keep(uid, answer.chunks())
        return (await _measured([kept], lanes, uploads))[0]

    return await unless_left(request, fetch_it())


@router.get(
    "/{recording}/audio",
    response_class=Response,
    responses={
        200: {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}},
        206: {
            "description": "The range that was asked for",
            "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
        },
        **responses(404, 416),
    },
)
async def audio(
    uid: OwnUid,
    recording: RecordingId,
    lanes: LanesDep,
    uploads: UploadsDep,
    range: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """The recording as it was sent, or one range of it."""
    found = await uploads.find(uid, recording)
    if found is None:
        raise HTTPException(404, "recording: there is none of this id")
    try:
        return await download(
            lanes.files, found, media_type="audio/wav", range_header=range, if_range=if_range
        )
    except FileNotFoundError as error:
        raise HTTPException(404, "recording: it was just removed") from error


@router.delete("/{recording}", status_code=HTTPStatus.NO_CONTENT, responses=responses(404))
async def removed(uid: OwnUid, recording: RecordingId, uploads: UploadsDep) -> None:
    """Remove a recording."""
    if not await uploads.remove(uid, recording):
        raise HTTPException(404, "recording: there is none of this id")


async def _measured(kept: Sequence[Upload], lanes: Lanes, uploads: Uploads) -> list[Synced]:
    """Those that are no recordings are not kept; none is if this is cancelled or fails."""
    try:
        results = await process_files(
            measure,
            [upload.path for upload in kept],
            executor=lanes.critical,
            at_a_time=AT_A_TIME,
            deadline=MEASURE_DEADLINE,
        )
        faults = [None if result.error is None else _worded(result.error) for result in results]
    except BaseException:
        for upload in kept:
            uploads.forget(upload)
        raise
    for upload, fault in zip(kept, faults, strict=True):
        if fault is not None:
            uploads.forget(upload)
    return [
        Synced(
            label=upload.label,
            id=upload.id if fault is None else None,
            size=upload.size,
            recording=result.result,
            error=fault,
        )
        for upload, result, fault in zip(kept, results, faults, strict=True)
    ]


def _worded(error: Exception) -> str:
    """What the caller may know; the rest is ours, and is raised."""
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, LaneError):
        return f"it was not judged: {error}"
    raise error
