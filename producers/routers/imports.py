"""Takes an archive of conversations. It unpacks nothing itself."""

from __future__ import annotations

from contextlib import aclosing

from fastapi import APIRouter, Depends, Request

from producers.dependencies import LanesDep, OwnUid, UploadsDep, limited
from producers.errors import UploadInvalid
from producers.imports import ImportReport, import_conversations
from producers.incoming_files import BODY, incoming_files
from producers.leaving import unless_left
from producers.problems import OF_USERS, responses
from producers.rate_limit import Group

router = APIRouter(
    prefix="/v1/users/{uid}/imports",
    tags=["imports"],
    responses=OF_USERS | responses(408, 413, 422, 500, 503, 504),
    dependencies=[Depends(limited(Group.UPLOADS))],
)


@router.post("", openapi_extra=BODY)
async def imported(uid: OwnUid, request: Request, lanes: LanesDep, uploads: UploadsDep) -> ImportReport:
    """Tell every conversation of a zip of JSON files (the first file, if it is a form). May be sent again."""
    async with aclosing(incoming_files(request)) as files:
        async for file in files:
            async with uploads.borrow(file.chunks, label=file.label) as upload:
                return await unless_left(request, import_conversations(upload.path, uid, lanes.critical))
    raise UploadInvalid("body: there is no file in it")
