"""Whatever a speech service answers is a finding or an `UnreadableAnswer`; whatever is sent is read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import (
    Embedding,
    ProfileMatch,
    Question,
    SpeakerEmbedding,
    SpeakersMatched,
    SpeechJob,
    TranscriptSegment,
    VoiceActivity,
    VoicesFound,
)
from handlers.errors import UnreadableAnswer
from handlers.speech_wire import on_the_wire, read_finding
from tests.receiver import Received
from tests.speech_service import Heard, heard, parts

SEGMENT = TranscriptSegment(text="Hi", start=0, end=1)
QUESTIONS: tuple[Question, ...] = (
    Embedding(),
    VoiceActivity(),
    ProfileMatch(segments=(SEGMENT,)),
    ProfileMatch(segments=(SEGMENT, SEGMENT)),
)
NAMES = st.sampled_from(["start", "end", "is_user", "person_id", "kind", "vector"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("question", QUESTIONS)
@given(answer=JSON)
@example(answer=[10**400])
@example(answer=[{"start": 10**400, "end": 1}])
@example(answer=[{"is_user": True, "person_id": "x" * 129}])
def test_every_answer_is_a_finding_or_unreadable(question: Question, answer: object) -> None:
    try:
        finding = read_finding(question, json.dumps(answer).encode())
    except UnreadableAnswer:
        return
    assert finding.kind == question.kind
    match finding:
        case SpeakerEmbedding(vector=vector):
            assert len(vector) > 0
        case VoicesFound(voices=voices):
            assert all(0 <= voice.start <= voice.end for voice in voices)
        case SpeakersMatched(speakers=speakers):
            assert isinstance(question, ProfileMatch)
            assert len(speakers) == len(question.segments)


@pytest.mark.parametrize(
    ("question", "body", "says"),
    [
        (Embedding(), b"", "cannot be read: body"),
        (Embedding(), b"<html>", "cannot be read: body"),
        (Embedding(), b"\xff\xff", "cannot be read"),
        (Embedding(), b'{"detail": "secret"}', "cannot be read: body"),
        (Embedding(), b"[]", "cannot be read: vector"),
        (Embedding(), b"[[]]", "cannot be read: vector"),
        (Embedding(), b'["secret"]', r"cannot be read: vector\.0"),
        (Embedding(), b"[[1], [2]]", r"cannot be read: vector\.0"),
        (Embedding(), b"[1e999]", r"cannot be read: vector\.0"),
        (Embedding(), b"[NaN]", "cannot be read"),
        (VoiceActivity(), b'[{"start": 2, "end": 1}]', r"cannot be read: voices\.0"),
        (VoiceActivity(), b'[{"start": -1, "end": 1}]', r"cannot be read: voices\.0\.start"),
        (VoiceActivity(), b"[1]", r"cannot be read: voices\.0"),
        (QUESTIONS[3], b"[true]", "of 1 segments, 2 were asked about"),
        (QUESTIONS[3], b"[true, 1]", r"cannot be read: speakers\.0"),
        (QUESTIONS[3], b'[{"is_user": "maybe"}, {"is_user": true}]', r"cannot be read: speakers\.0\.is_user"),
        (Embedding(), b"[" * 5000, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_place_and_not_quoted(
    question: Question, body: bytes, says: str
) -> None:
    with pytest.raises(UnreadableAnswer, match=says) as caught:
        read_finding(question, body)
    assert "secret" not in str(caught.value)


@given(body=st.binary(max_size=50))
def test_bytes_that_are_no_json_are_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        read_finding(Embedding(), b"\x00" + body)


@given(
    samples=st.lists(st.binary(min_size=2, max_size=2), min_size=1, max_size=100),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_what_is_sent_is_read_back(samples: list[bytes], text: str) -> None:
    pcm = b"".join(samples)
    question = ProfileMatch(segments=(SEGMENT.model_copy(update={"text": text}),))
    job = SpeechJob(uid="u", job_id="j", question=question, sample_rate=8000, audio=pcm)
    form = on_the_wire(job, pcm, "0123456789abcdef" * 2)
    got = Received("POST", form.path, form.params, {"content-type": form.content_type}, form.content)
    assert heard(parts(got)["audio_file"]) == Heard(1, 2, 8000, pcm)
    (sent,) = json.loads(parts(got)["segments"].content)
    assert sent["text"] == text
