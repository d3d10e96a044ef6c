"""Makes the HTTP request of a task's next attempt: headers and token included; it sends nothing."""

from __future__ import annotations

from emulator.engine.exchange import HttpRequest
from emulator.engine.headers import dispatch_headers
from emulator.engine.names import queue_id
from emulator.oidc import TokenIssuer
from emulator.tasks.messages import HTTP_METHODS, Task, seconds_of
from emulator.tasks.tables import TaskRow


def dispatch_request(row: TaskRow, queue_name: str, issuer: TokenIssuer) -> tuple[HttpRequest, float]:
    """The request, and its deadline in seconds."""
    task = Task.FromString(row.message)
    stored = task.http_request
    authorization = None
    if stored.HasField("oidc_token"):
        token = stored.oidc_token
        bearer = issuer.token(email=token.service_account_email, audience=token.audience or stored.url)
        authorization = f"Bearer {bearer}"
    request = HttpRequest(
        method=HTTP_METHODS[stored.http_method],
        url=stored.url,
        headers=dispatch_headers(
            stored.headers,
            queue_id=queue_id(queue_name),
            task_id=row.task_id,
            attempts=row.attempts,
            schedule_time=row.schedule_time,
            authorization=authorization,
        ),
        body=stored.body,
        source=queue_name,
    )
    return request, seconds_of(task.dispatch_deadline)
