"""Makes the HTTP request of a task's next attempt: target, headers and token included; it sends nothing."""

from __future__ import annotations

from emulator.engine.exchange import HttpRequest
from emulator.engine.headers import app_engine_headers, dispatch_headers
from emulator.engine.names import queue_id
from emulator.errors import NoTargetError
from emulator.oidc import TokenIssuer
from emulator.tasks.http_target import effective_request
from emulator.tasks.messages import HTTP_METHODS, Pb, Task, seconds_of
from emulator.tasks.tables import TaskRow


def dispatch_request(
    row: TaskRow, queue: Pb, issuer: TokenIssuer, *, app_engine_url: str | None
) -> tuple[HttpRequest, float]:
    """The request, and its deadline in seconds.

    `queue` is the Queue message as it is now. App Engine tasks go to `app_engine_url`, whatever service they
    name. Raises NoTargetError.
    """
    task = Task.FromString(row.message)
    if task.HasField("app_engine_http_request"):
        request = _to_app_engine(row, task.app_engine_http_request, queue, app_engine_url)
    else:
        request = _to_url(row, effective_request(task.http_request, queue), queue, issuer)
    return request, seconds_of(task.dispatch_deadline)


def _to_url(row: TaskRow, request: Pb, queue: Pb, issuer: TokenIssuer) -> HttpRequest:
    if not request.url:
        raise NoTargetError(
            f"the task has no URL: set Queue.httpTarget.uriOverride.host of {queue.name}, as it was at create"
        )
    return HttpRequest(
        method=HTTP_METHODS[request.http_method],
        url=request.url,
        headers=dispatch_headers(
            request.headers,
            queue_id=queue_id(queue.name),
            task_id=row.task_id,
            attempts=row.attempts,
            schedule_time=row.schedule_time,
            authorization=_authorization(request, issuer),
        ),
        body=request.body,
        source=queue.name,
        follow_redirects=True,
    )


def _authorization(request: Pb, issuer: TokenIssuer) -> str | None:
    if request.HasField("oidc_token"):
        oidc = request.oidc_token
        token = issuer.token(email=oidc.service_account_email, audience=oidc.audience or request.url)
    elif request.HasField("oauth_token"):
        oauth = request.oauth_token
        token = issuer.access_token(email=oauth.service_account_email, scope=oauth.scope)
    else:
        return None
    return f"Bearer {token}"


def _to_app_engine(row: TaskRow, request: Pb, queue: Pb, app_engine_url: str | None) -> HttpRequest:
    if app_engine_url is None:
        raise NoTargetError(
            "App Engine tasks have no host to go to: set TasksSettings.app_engine_url (http://HOST:PORT)"
        )
    return HttpRequest(
        method=HTTP_METHODS[request.http_method],
        url=app_engine_url.rstrip("/") + request.relative_uri,
        headers=app_engine_headers(
            request.headers,
            queue_id=queue_id(queue.name),
            task_id=row.task_id,
            attempts=row.attempts,
            schedule_time=row.schedule_time,
        ),
        body=request.body,
        source=queue.name,
    )
