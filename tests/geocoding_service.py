"""Answers as Google's Geocoding API v4 does: its shapes, as documented, for a `receiver`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aiohttp import web

ADDRESS = "Unter den Linden 77, 10117 Berlin, Germany"
LOCATION = {"latitude": 52.516, "longitude": 13.38}


def found(address: str = ADDRESS, place_id: str = "ChIJ1", granularity: str = "ROOFTOP") -> web.Response:
    first = {
        "placeId": place_id,
        "location": LOCATION,
        "granularity": granularity,
        "formattedAddress": address,
    }
    coarser = {**first, "placeId": "ChIJ2", "granularity": "APPROXIMATE", "formattedAddress": "Berlin"}
    return web.json_response({"results": [first, coarser]})


def nothing() -> web.Response:
    """Protobuf's JSON leaves an empty list out."""
    return web.json_response({})


def refused(
    code: int, status: str, *, reason: str = "", headers: Sequence[tuple[str, str]] = ()
) -> web.Response:
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    ]
    error = {
        "code": code,
        "message": "what Google says",
        "status": status,
        "details": details if reason else [],
    }
    return web.Response(
        status=code,
        body=json.dumps({"error": error}).encode(),
        content_type="application/json",
        headers=dict(headers),
    )
