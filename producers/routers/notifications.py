"""Accepts notifications to one user. Sends none, and knows no device."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends

from contracts import Notification
from producers.dependencies import CallerDep, limited
from producers.enqueue import enqueue
from producers.problems import RESPONSES
from producers.rate_limit import Group
from producers.receipt import Receipt

router = APIRouter(
    prefix="/v1/notifications",
    tags=["notifications"],
    responses=RESPONSES,
    dependencies=[Depends(limited(Group.EVENTS))],
)


@router.post("", status_code=HTTPStatus.ACCEPTED)
async def told(caller: CallerDep, notification: Notification) -> Receipt:
    """Tell yourself something, on all devices or on one of them; a trusted service may tell anybody."""
    caller.must_be(notification.uid)
    return await enqueue(notification)
