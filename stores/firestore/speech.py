"""What speech services found out, in Firestore: one document for each job and kind."""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter

from contracts import SpeechKind
from stores.firestore.collection import Collection, Document, document_id
from stores.speech import SpeechResult

NAME = "sidelane_speech_results"

_RESULT = TypeAdapter(SpeechResult)


class FirestoreSpeechResults:
    """Implements `stores.speech.SpeechResults`."""

    def __init__(self, results: Collection) -> None:
        self._results = results

    async def put(self, result: SpeechResult) -> SpeechResult:
        def change(found: Document | None) -> tuple[Document, SpeechResult]:
            kept = _current(found, now=result.found_at)
            if found is not None and kept is not None:
                return found, kept
            fields = {
                "uid": result.uid,
                "result": _RESULT.dump_json(result).decode(),
                "expires_at": result.expires_at,
            }
            return Document(fields), result

        return await self._results.change(document_id(result.uid, result.job_id, result.finding.kind), change)

    async def get(self, uid: str, job_id: str, kind: SpeechKind, *, now: datetime) -> SpeechResult | None:
        return _current(await self._results.read(document_id(uid, job_id, kind)), now=now)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._results.erase(self._results.where(uid=owner), dry_run=dry_run)


def _current(found: Document | None, *, now: datetime) -> SpeechResult | None:
    """Firestore removes what has expired within a day, not at once."""
    if found is None or found.fields["expires_at"] <= now:
        return None
    return _RESULT.validate_json(found.fields["result"])
