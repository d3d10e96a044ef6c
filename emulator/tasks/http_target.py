"""Checks a queue's http_target, and applies it to a task's request when that is dispatched; it sends nothing.

The task on disk stays as its creator gave it: a target that changes later changes what waits too.
"""

from __future__ import annotations

import re

from emulator.engine.headers import is_settable
from emulator.engine.limits import check_headers
from emulator.engine.uri_override import UriOverride
from emulator.errors import InvalidArgumentError
from emulator.tasks.messages import GET, HTTP_METHODS, HttpRequest, Pb

_SCHEMES = {0: "https", 1: "http", 2: "https"}
"""UriOverride.Scheme; an unspecified one is HTTPS."""
_IF_NOT_EXISTS = 1
_ENFORCE_MODES = (0, _IF_NOT_EXISTS, 2)
_HOST = re.compile(r"[^\s/?#@:\[\]\\%]+|\[[0-9A-Fa-f:.]+\]")
_MAX_PORT = 65_535


def check_http_target(target: Pb) -> None:
    """Raises InvalidArgumentError."""
    if target.http_method and target.http_method not in HTTP_METHODS:
        raise InvalidArgumentError(f"HttpTarget.httpMethod {target.http_method} is unknown.")
    _check_uri_override(target.uri_override)
    headers = [override.header for override in target.header_overrides]
    if not all(header.key for header in headers):
        raise InvalidArgumentError("HttpTarget.headerOverrides.header.key is required.")
    check_headers({header.key: header.value for header in headers}, "HttpTarget.headerOverrides")
    for token, field in (("oauth_token", "scope"), ("oidc_token", "audience")):
        if target.HasField(token):
            _check_token(getattr(target, token), token, field)


def gives_host(queue: Pb) -> bool:
    """Whether a task of the queue needs no URL of its own."""
    return bool(queue.http_target.uri_override.host)


def effective_request(request: Pb, queue: Pb) -> Pb:
    """The task's HttpRequest as it is executed: `request` with what the queue's http_target overrides.

    Headers are replaced whatever their case; a GET has no body; a token of the queue takes the place of the
    task's. The URL is empty where neither gives a host.
    """
    if not queue.HasField("http_target"):
        return request
    target = queue.http_target
    effective = HttpRequest()
    effective.CopyFrom(request)
    if target.HasField("uri_override") and (request.url or target.uri_override.host):
        effective.url = _uri_override(target.uri_override).apply(request.url)
    if target.http_method:
        effective.http_method = target.http_method
        if target.http_method == GET:
            effective.ClearField("body")
    for override in target.header_overrides:
        _override_header(effective.headers, override.header.key, override.header.value)
    if target.HasField("oauth_token"):
        effective.oauth_token.CopyFrom(target.oauth_token)
    elif target.HasField("oidc_token"):
        effective.oidc_token.CopyFrom(target.oidc_token)
    return effective


def _check_uri_override(override: Pb) -> None:
    if override.scheme not in _SCHEMES:
        raise InvalidArgumentError(f"UriOverride.scheme {override.scheme} is unknown.")
    if override.uri_override_enforce_mode not in _ENFORCE_MODES:
        raise InvalidArgumentError(
            f"UriOverride.uriOverrideEnforceMode {override.uri_override_enforce_mode} is unknown."
        )
    if override.HasField("host"):
        if not override.host:
            raise InvalidArgumentError("UriOverride.host cannot be empty.")
        if not _HOST.fullmatch(override.host):
            raise InvalidArgumentError("UriOverride.host must be a host name or an IP address alone.")
    if not 0 <= override.port <= _MAX_PORT:
        raise InvalidArgumentError(f"UriOverride.port must be between 0 (none) and {_MAX_PORT}.")
    if set("?#") & set(override.path_override.path):
        raise InvalidArgumentError("UriOverride.pathOverride.path cannot contain '?' or '#'.")
    if "#" in override.query_override.query_params:
        raise InvalidArgumentError("UriOverride.queryOverride.queryParams cannot contain '#'.")


def _check_token(token: Pb, name: str, field: str) -> None:
    """A queue's token names everything, since no task completes it."""
    if not token.service_account_email or not getattr(token, field):
        camel = name.replace("_t", "T")
        raise InvalidArgumentError(
            f"HttpTarget.{camel}.serviceAccountEmail and HttpTarget.{camel}.{field} are both required."
        )


def _uri_override(override: Pb) -> UriOverride:
    return UriOverride(
        scheme=_SCHEMES[override.scheme] if override.HasField("scheme") else None,
        host=override.host if override.HasField("host") else None,
        port=override.port if override.HasField("port") else None,
        path=override.path_override.path if override.HasField("path_override") else None,
        query=override.query_override.query_params if override.HasField("query_override") else None,
        only_where_missing=override.uri_override_enforce_mode == _IF_NOT_EXISTS,
    )


def _override_header(headers: Pb, name: str, value: str) -> None:
    """What the service sets itself stays its own."""
    if not is_settable(name):
        return
    for existing in [existing for existing in headers if existing.lower() == name.lower()]:
        del headers[existing]
    headers[name] = value
