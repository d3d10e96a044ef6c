"""Completes what goes to an App Engine app, in queues and in tasks, and says where to; it sends nothing."""

from __future__ import annotations

from emulator.engine.headers import stored_app_engine_headers
from emulator.engine.limits import check_encoded_length
from emulator.errors import InvalidArgumentError
from emulator.tasks.messages import HTTP_METHODS, POST, Pb, Routing

_WITH_BODY = ("POST", "PUT")


def routed(routing: Pb, name: str) -> Pb:
    """The AppEngineRouting with its host, which is output only; `name` is that of the queue or task."""
    complete = Routing(service=routing.service, version=routing.version, instance=routing.instance)
    project = name.split("/")[1]
    domain, _, app = project.rpartition(":")
    parts = (routing.instance, routing.version, routing.service, app, domain, "appspot.com")
    complete.host = ".".join(part for part in parts if part)
    return complete


def complete_app_engine_request(request: Pb, queue: Pb) -> None:
    """Fill in defaults of a task's AppEngineHttpRequest; the queue's routing override takes precedence.

    Raises InvalidArgumentError.
    """
    request.http_method = request.http_method or POST
    if request.http_method not in HTTP_METHODS:
        raise InvalidArgumentError(f"AppEngineHttpRequest.httpMethod {request.http_method} is unknown.")
    if request.body and HTTP_METHODS[request.http_method] not in _WITH_BODY:
        raise InvalidArgumentError(
            "AppEngineHttpRequest.body is allowed only if the HTTP method is POST or PUT."
        )
    request.relative_uri = request.relative_uri or "/"
    if not request.relative_uri.startswith("/") or " " in request.relative_uri:
        raise InvalidArgumentError("AppEngineHttpRequest.relativeUri must begin with '/' and have no spaces.")
    check_encoded_length(request.relative_uri, "AppEngineHttpRequest.relativeUri")
    headers = stored_app_engine_headers(request.headers, body_length=len(request.body))
    request.headers.clear()
    request.headers.update(headers)
    routing = request.app_engine_routing
    if queue.HasField("app_engine_routing_override"):
        routing = queue.app_engine_routing_override
    request.app_engine_routing.CopyFrom(routed(routing, queue.name))
