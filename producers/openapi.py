"""Completes the OpenAPI document: how problems are written, and the headers of answers. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from producers.request_id import HEADER

PROBLEM = "#/components/schemas/Problem"
_JSON = "application/json"
_PROBLEM_JSON = "application/problem+json"
_RETRIED = frozenset({"429", "502", "503", "504"})

_REQUEST_ID = {"description": "Of this request, for logs and questions.", "schema": {"type": "string"}}
_RETRY_AFTER = {"description": "Seconds to stay away.", "schema": {"type": "integer", "minimum": 1}}


def complete_openapi(app: FastAPI) -> None:
    """From now on the application's document is made, once, by `completed`."""
    make: Callable[[], dict[str, Any]] = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(make())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with problems under their own media type and with the headers of each answer."""
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                headers: dict[str, Any] = response.setdefault("headers", {})
                headers[HEADER] = _REQUEST_ID
                content = response.get("content", {})
                if not _is_problem(content.get(_JSON, {})):
                    continue
                content[_PROBLEM_JSON] = content.pop(_JSON)
                if status in _RETRIED:
                    headers["Retry-After"] = _RETRY_AFTER
    return document


def _is_problem(media: Mapping[str, Any]) -> bool:
    return bool(media.get("schema", {}).get("$ref") == PROBLEM)
