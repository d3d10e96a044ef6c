"""Writes what a call answered, or how it failed, as Google's JSON over HTTP; it decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.responses import Response

from emulator.errors import ApiError, RestError

_HTTP_STATUS = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
}
"""As google/rpc/code.proto maps them."""


def as_json(message: Message, *, enum_numbers: bool) -> dict[str, Any]:
    """Fields in camel case, int64 as strings, without those at their default."""
    written: dict[str, Any] = MessageToDict(message, use_integers_for_enums=enum_numbers)
    return written


def answer(value: Mapping[str, Any]) -> Response:
    return _response(200, value)


def error_answer(error: ApiError | RestError) -> Response:
    if isinstance(error, RestError):
        response = _error(error.http_status, error.status, error.message, ())
        response.headers.update(error.headers)
        return response
    return _error(_HTTP_STATUS[error.code], error.code.name, error.message, error.details)


def _error(http_status: int, status: str, message: str, details: Sequence[Message]) -> Response:
    error: dict[str, Any] = {"code": http_status, "message": message, "status": status}
    if details:
        error["details"] = [
            {"@type": f"type.googleapis.com/{detail.DESCRIPTOR.full_name}", **MessageToDict(detail)}
            for detail in details
        ]
    return _response(http_status, {"error": error})


def _response(status: int, value: Mapping[str, Any]) -> Response:
    return Response(
        json.dumps(value, separators=(",", ":")),
        status_code=status,
        media_type="application/json; charset=UTF-8",
        headers={"X-Content-Type-Options": "nosniff"},
    )
