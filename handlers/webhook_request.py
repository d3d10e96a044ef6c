"""Sends one signed request to a server that somebody registered, and judges its answer. Looks nobody up.

Developer webhooks and app webhooks go this one way: same signature, same egress guard, same judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from contracts import Task
from handlers.effect import Delivery
from handlers.ends import Busy, End, Reason, Returned, TargetFailed, TargetRefused
from handlers.secrets import Secrets
from handlers.signing import signed_headers
from handlers.webhook_wire import Wire
from lanes import (
    Answer,
    BadUrl,
    ConnectFailed,
    EgressRefused,
    ExchangeFailed,
    HttpLane,
    LaneError,
    NotAdmitted,
    Request,
    retry_after,
)
from stores import SigningKey

_BUSY_PAUSE = timedelta(seconds=5)
"""Until a task that found the lane full tries again."""

Following = Callable[[Answer], tuple[Task, ...]]
"""Which side effects follow from an answer that took the event."""


class WebhookRequests:
    """Sends through one lane."""

    def __init__(self, lane: HttpLane, secrets: Secrets, *, clock: Callable[[], datetime]) -> None:
        self._lane = lane
        self._secrets = secrets
        self._clock = clock

    async def post(
        self,
        url: str,
        keys: Iterable[SigningKey],
        wire: Wire,
        delivery: Delivery,
        *,
        following: Following,
    ) -> End:
        """How the request ended.

        Raises:
            BadSigningKey, MissingSecret, LiteralSecret: a key cannot sign, or cannot be had.
            SecretsAway: the keys cannot be looked up at the moment.
        """
        now = self._clock()
        revealed = await self._secrets.keys(keys, now)
        signature = signed_headers(revealed, delivery_id=delivery.id, body=wire.content, now=now)
        try:
            answer = await self._lane.send(
                Request(
                    method="POST",
                    url=url,
                    deadline=delivery.deadline,
                    params=wire.params,
                    headers={**wire.headers, **signature},
                    content=wire.content,
                )
            )
        except (BadUrl, EgressRefused) as error:
            return TargetRefused(Reason.BLOCKED_ADDRESS, str(error))
        except NotAdmitted as error:
            return Busy(now + _BUSY_PAUSE, str(error))
        except (ConnectFailed, ExchangeFailed) as error:
            return TargetFailed(str(error), connection_lost_after=self._clock() - now)
        except LaneError as error:
            return TargetFailed(str(error))
        end = judge(answer, now)
        return Returned(then=following(answer)) if isinstance(end, Returned) else end


def judge(answer: Answer, now: datetime) -> End:
    """What a receiver's answer means: 2xx is taken, everything else is not, redirects included."""
    if 200 <= answer.status < 300:
        return Returned()
    detail = f"answered {answer.status}"
    asked = answer.headers.get("webhook-delivery", "").strip().lower()
    if asked == "disable":
        return TargetRefused(Reason.ENDPOINT_DISABLED, f"{detail} with webhook-delivery: disable")
    if answer.status == 410:
        return TargetRefused(Reason.GONE, f"{detail} Gone")
    if asked == "abort-message":
        return TargetRefused(Reason.ABORTED, f"{detail} with webhook-delivery: abort-message")
    return TargetFailed(detail, retry_after=retry_after(answer.headers.get("retry-after"), now))
