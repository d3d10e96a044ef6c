"""The contract of speech results: the first one stands, is found until it expires, and can be erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts import Finding, Speaker, SpeakerEmbedding, SpeakersMatched, Voice, VoicesFound
from stores import SpeechResult, Stores

NOW = datetime(2026, 11, 1, 12, 0, 0, 250, tzinfo=UTC)
FINDINGS: tuple[Finding, ...] = (
    SpeakerEmbedding(vector=(0.1, -1e-9, 3.0)),
    VoicesFound(voices=(Voice(start=0.25, end=1),)),
    VoicesFound(voices=()),
    SpeakersMatched(speakers=(Speaker(is_user=True), Speaker(is_user=False, person_id="zoë"))),
)


def result(finding: Finding = FINDINGS[0]) -> SpeechResult:
    return SpeechResult(
        uid="u", job_id="j", finding=finding, found_at=NOW, expires_at=NOW + timedelta(days=30)
    )


@pytest.mark.parametrize("finding", FINDINGS)
async def test_a_result_is_found_whole(stores: Stores, finding: Finding) -> None:
    kept = await stores.speech.put(result(finding))
    assert kept == result(finding)
    assert await stores.speech.get("u", "j", finding.kind, now=NOW) == kept
    assert await stores.speech.get("u", "other", finding.kind, now=NOW) is None
    assert await stores.speech.get("v", "j", finding.kind, now=NOW) is None


async def test_kinds_of_one_job_are_apart(stores: Stores) -> None:
    await stores.speech.put(result(FINDINGS[0]))
    await stores.speech.put(result(FINDINGS[1]))
    found = await stores.speech.get("u", "j", "voice_activity", now=NOW)
    assert found is not None
    assert found.finding == FINDINGS[1]
    assert await stores.speech.get("u", "j", "profile_match", now=NOW) is None


async def test_the_first_result_stands(stores: Stores) -> None:
    first = await stores.speech.put(result(SpeakerEmbedding(vector=(1.0,))))
    assert await stores.speech.put(result(SpeakerEmbedding(vector=(2.0,)))) == first
    assert await stores.speech.get("u", "j", "embedding", now=NOW) == first


async def test_a_result_expires_and_makes_room(stores: Stores) -> None:
    first = await stores.speech.put(result())
    assert await stores.speech.get("u", "j", "embedding", now=first.expires_at - timedelta(seconds=1))
    assert await stores.speech.get("u", "j", "embedding", now=first.expires_at) is None
    later = replace(
        result(SpeakerEmbedding(vector=(2.0,))),
        found_at=first.expires_at,
        expires_at=first.expires_at + timedelta(days=1),
    )
    assert await stores.speech.put(later) == later
    assert await stores.speech.get("u", "j", "embedding", now=first.expires_at) == later


async def test_one_users_results_are_erased(stores: Stores) -> None:
    for finding in FINDINGS[:2]:
        await stores.speech.put(result(finding))
    await stores.speech.put(replace(result(), uid="v"))
    assert await stores.speech.erase("u", dry_run=True) == 2
    assert await stores.speech.erase("u") == 2
    assert await stores.speech.erase("u") == 0
    assert await stores.speech.get("u", "j", "embedding", now=NOW) is None
    assert await stores.speech.get("v", "j", "embedding", now=NOW) is not None
