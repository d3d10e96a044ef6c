"""Runs speech jobs: one long request to the service of its kind, whose finding is kept. Hears nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from contracts import SpeechJob, SpeechKind
from handlers.effect import Delivery
from handlers.ends import Busy, End, Reason, Returned, TargetFailed, TargetRefused, Unreadable
from handlers.errors import UnreadableAnswer
from handlers.speech_wire import on_the_wire, read_finding
from lanes import (
    Answer,
    BadRequest,
    BadUrl,
    EgressRefused,
    HttpLane,
    LaneError,
    NotAdmitted,
    Request,
    retry_after,
)
from stores import BlobDamaged, BlobMissing, Blobs, BlobTooLarge, SpeechResult, SpeechResults

_log = logging.getLogger(__name__)

LANE_PAUSE = timedelta(seconds=30)
"""Until a job that found the lane full tries again: the jobs before it take minutes."""
QUOTA_PAUSE = timedelta(seconds=60)
"""For an answer of 429 that names no time."""
REFUSED_PAUSE = timedelta(minutes=5)
"""While a service refuses us, or our settings are wrong: mending that within the age limit loses no job."""
MAX_PAUSE = timedelta(hours=1)
"""Longest stay away that a service may ask for."""

_REFUSED_AUDIO = frozenset({400, 413, 415, 422})
"""Answers that the same audio gets again."""
_REFUSED_US = frozenset({401, 403})


class Speech:
    """The effect of `SpeechJob`."""

    def __init__(
        self,
        lane: HttpLane,
        results: SpeechResults,
        blobs: Blobs,
        *,
        services: Mapping[SpeechKind, str],
        keep: timedelta,
        clock: Callable[[], datetime],
        boundary: Callable[[], str],
    ) -> None:
        """`services`: base URLs, without a path. `boundary`: new random text, for each request's form."""
        self._lane = lane
        self._results = results
        self._blobs = blobs
        self._services = services
        self._keep = keep
        self._clock = clock
        self._boundary = boundary

    async def __call__(self, task: SpeechJob, delivery: Delivery) -> End:
        kind = task.question.kind
        if await self._results.get(task.uid, task.job_id, kind, now=self._clock()) is not None:
            return Returned()  # an earlier run got so far, and then its process died
        try:
            audio = (
                task.audio if isinstance(task.audio, bytes) else await self._blobs.get(task.audio.reference)
            )
        except (BlobMissing, BlobDamaged, BlobTooLarge) as error:
            return Unreadable(str(error), Reason.BLOB_MISSING)
        form = on_the_wire(task, audio, self._boundary())
        request = Request(
            method="POST",
            url=self._services[kind] + form.path,
            params=form.params,
            headers={"Content-Type": form.content_type, "Idempotency-Key": delivery.id},
            content=form.content,
            deadline=delivery.deadline,
        )
        try:
            answer = await self._lane.send(request)
        except NotAdmitted as error:
            return Busy(self._clock() + LANE_PAUSE, str(error))
        except (BadUrl, BadRequest, EgressRefused) as error:
            return self._refused(f"{error}; check the SIDELANE_SPEECH_ settings")
        except LaneError as error:
            return TargetFailed(str(error))
        return await self._judge(task, answer)

    async def _judge(self, task: SpeechJob, answer: Answer) -> End:
        detail = f"answered {answer.status}"
        asked = retry_after(answer.headers.get("retry-after"), self._clock())
        if answer.status in _REFUSED_AUDIO:
            return TargetRefused(Reason.REFUSED, detail)
        if answer.status in _REFUSED_US:
            return self._refused(f"{detail}: let the handlers' service account call it")
        if answer.status == 429:
            pause = QUOTA_PAUSE if asked is None else asked
            return Busy(self._clock() + min(pause, MAX_PAUSE), detail)
        if answer.status != 200:
            return TargetFailed(detail, retry_after=asked)
        try:
            finding = read_finding(task.question, answer.body)
        except UnreadableAnswer as error:
            return TargetFailed(str(error))
        now = self._clock()
        await self._results.put(
            SpeechResult(
                uid=task.uid,
                job_id=task.job_id,
                finding=finding,
                found_at=now,
                expires_at=now + self._keep,
            )
        )
        return Returned()

    def _refused(self, detail: str) -> Busy:
        _log.error("speech jobs are parked: %s", detail)
        return Busy(self._clock() + REFUSED_PAUSE, detail)
