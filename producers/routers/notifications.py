"""Accepts notifications to one user. Sends none, and knows no device."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from contracts import Notification
from producers.enqueue import enqueue
from producers.problems import RESPONSES
from producers.receipt import Receipt

router = APIRouter(prefix="/v1/notifications", tags=["notifications"], responses=RESPONSES)


@router.post("", status_code=HTTPStatus.ACCEPTED)
async def told(notification: Notification) -> Receipt:
    """Tell one user something, on all devices or on one of them."""
    return await enqueue(notification)
