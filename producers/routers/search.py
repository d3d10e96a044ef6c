"""Answers with what the web has on a question. producers/web_search.py asks it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from producers.dependencies import SearchDep, UserDep, limited
from producers.problems import THIRD_PARTY_RESPONSES, responses
from producers.rate_limit import Group
from producers.web_search import Hit

router = APIRouter(
    prefix="/v1/search",
    tags=["search"],
    responses={**THIRD_PARTY_RESPONSES, **responses(501)},
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1, max_length=400)]
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class Hits(BaseModel):
    hits: tuple[Hit, ...]


@router.post("")
async def search(_: UserDep, web: SearchDep, question: Question) -> Hits:
    """Search the web. A POST, so that the question stands in no log of URLs."""
    return Hits(hits=await web.search(question.query, limit=question.limit))
