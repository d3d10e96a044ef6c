"""The example file has the real shape, and a bad file is named to the line and field."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.demo.conversations import MAX_CONVERSATIONS, MAX_ROUNDS, deal, read_conversations
from cli.demo.endpoints import EndpointKind
from cli.demo.errors import BadInput
from cli.demo.services import CONVERSATIONS

CONVERSATION = {
    "id": "c-1",
    "created_at": "2026-09-07T07:14:25Z",
    "transcript_segments": [{"text": "Hello.", "start": 0.5, "end": 1.5}],
    "structured": {"title": "A greeting"},
}
FIELDS = {
    "uid",
    "id",
    "created_at",
    "started_at",
    "finished_at",
    "transcript_segments",
    "structured",
    "apps_response",
    "discarded",
    "folder_id",
    "folder_name",
}
SEGMENT_FIELDS = {"text", "speaker", "speakerId", "speaker_name", "is_user", "start", "end"}
STRUCTURED_FIELDS = {"title", "overview", "emoji", "category", "action_items", "events"}


@pytest.fixture(scope="module")
def examples() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines()]


def write(folder: Path, *lines: object) -> Path:
    file = folder / "conversations.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def test_the_examples_are_many_and_told_apart(examples: list[dict[str, Any]]) -> None:
    assert len(examples) >= 24
    assert sum(len(one["transcript_segments"]) for one in examples) >= 400
    assert len({one["id"] for one in examples}) == len(examples)


def test_the_examples_have_the_real_shape(examples: list[dict[str, Any]]) -> None:
    for conversation in examples:
        assert set(conversation) == FIELDS
        assert set(conversation["structured"]) == STRUCTURED_FIELDS
        assert conversation["started_at"] < conversation["finished_at"] <= conversation["created_at"]
        for segment in conversation["transcript_segments"]:
            assert set(segment) == SEGMENT_FIELDS


def test_the_examples_are_dialogues_whose_time_runs_forward(examples: list[dict[str, Any]]) -> None:
    for conversation in examples:
        segments = conversation["transcript_segments"]
        assert 2 <= len({segment["speakerId"] for segment in segments}) <= 3
        assert any(segment["is_user"] for segment in segments)
        assert all(segment["start"] < segment["end"] for segment in segments)
        assert all(first["end"] <= second["start"] for first, second in pairwise(segments))


def test_nobody_says_the_same_twice(examples: list[dict[str, Any]]) -> None:
    texts = [segment["text"] for one in examples for segment in one["transcript_segments"]]
    long_ones = [text for text in texts if len(text.split()) > 4]
    assert len(set(long_ones)) == len(long_ones)


def test_the_examples_can_be_read(examples: list[dict[str, Any]]) -> None:
    read = read_conversations(CONVERSATIONS)
    assert [conversation.id for conversation in read] == [one["id"] for one in examples]


def test_fields_that_nothing_carries_are_left_out(tmp_path: Path) -> None:
    (read,) = read_conversations(write(tmp_path, {**CONVERSATION, "uid": "u", "language": "en"}))
    assert read.id == "c-1"


def test_empty_lines_count_but_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 3: Invalid JSON"):
        read_conversations(write(tmp_path, CONVERSATION, "", "{"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", r"line 2: Invalid JSON: .*; write one whole JSON object on the line"),
        ([1], r"line 2: is no JSON object; write a conversation as one"),
        ({**CONVERSATION, "structured": {}}, r"line 2, field 'structured\.title': Field required; add it"),
        (
            {**CONVERSATION, "transcript_segments": [{"text": "Hi.", "start": "soon", "end": 2}]},
            r"line 2, field 'transcript_segments\.0\.start': .*number.*; correct it",
        ),
        ({**CONVERSATION, "created_at": "2026-09-07T07:14:25"}, r"line 2, field 'created_at': .*timezone"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_the_remedy(
    tmp_path: Path, line: object, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read_conversations(write(tmp_path, CONVERSATION, line))


def test_a_missing_file_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.jsonl: cannot be read \(No such file.*--input"):
        read_conversations(tmp_path / "none.jsonl")


def test_a_file_without_conversations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no conversation"):
        read_conversations(write(tmp_path, "", ""))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"ok \xff")
    with pytest.raises(BadInput, match=r"is not UTF-8 \(byte 3\)"):
        read_conversations(file)


def test_too_many_conversations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"at most {MAX_CONVERSATIONS}; split the file"):
        read_conversations(write(tmp_path, *["{}"] * (MAX_CONVERSATIONS + 1)))


def test_every_user_gets_a_share() -> None:
    conversations = read_conversations(CONVERSATIONS)
    dealt = list(deal(conversations))
    assert [conversation for _, conversation in dealt] == list(conversations)
    shares = Counter(kind for kind, _ in dealt)
    assert set(shares) == set(EndpointKind)
    assert max(shares.values()) - min(shares.values()) <= 1


def test_one_conversation_is_told_by_every_user() -> None:
    conversation = read_conversations(CONVERSATIONS)[0]
    assert list(deal([conversation])) == [(kind, conversation) for kind in EndpointKind]


def test_what_is_more_than_the_slow_endpoint_can_take_goes_to_the_good_one() -> None:
    conversation = read_conversations(CONVERSATIONS)[0]
    shares = Counter(kind for kind, _ in deal([conversation] * 300))
    assert shares[EndpointKind.SLOW] == MAX_ROUNDS
    assert shares[EndpointKind.GOOD] == 300 - 4 * MAX_ROUNDS
