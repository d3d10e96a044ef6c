"""Reads the conversations that the demo streams, and deals them to its users. It sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from pydantic import ValidationError

from cli.demo.endpoints import EndpointKind
from cli.demo.errors import BadInput
from contracts import Conversation

MAX_CONVERSATIONS = 1000
MAX_ROUNDS = 20
"""Rounds of dealing; what is left goes to the good endpoint, so that the slow one does not set the pace."""


def read_conversations(path: Path) -> tuple[Conversation, ...]:
    """Read a file of JSON Lines, one conversation a line; fields that no side effect carries are left out.

    Raises:
        BadInput: naming file, line and field, what is wrong with it and what to do.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); name a file of conversations with --input"
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise BadInput(f"{path}: holds no conversation; write one JSON object a line")
    if len(numbered) > MAX_CONVERSATIONS:
        raise BadInput(
            f"{path}: holds {len(numbered)} conversations, the demo takes at most {MAX_CONVERSATIONS}; "
            "split the file"
        )
    return tuple(_conversation(path, number, line) for number, line in numbered)


def deal(conversations: Sequence[Conversation]) -> Iterator[tuple[EndpointKind, Conversation]]:
    """Give every user a share, in turn; few conversations are told again until each user has one."""
    kinds = tuple(EndpointKind)
    rounds = max(len(conversations), len(kinds))
    for place, conversation in enumerate(islice(cycle(conversations), rounds)):
        in_turn = place < MAX_ROUNDS * len(kinds)
        yield kinds[place % len(kinds)] if in_turn else EndpointKind.GOOD, conversation


def _conversation(path: Path, number: int, line: str) -> Conversation:
    try:
        return Conversation.model_validate_json(line, extra="ignore")
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = f"{path}, line {number}"
        if fault["type"] == "json_invalid":
            raise BadInput(f"{where}: {fault['msg']}; write one whole JSON object on the line") from error
        if not fault["loc"]:
            raise BadInput(f"{where}: is no JSON object; write a conversation as one") from error
        field = ".".join(str(part) for part in fault["loc"])
        remedy = "add it" if fault["type"] == "missing" else "correct it"
        raise BadInput(
            f"{where}, field {field!r}: {fault['msg']}; {remedy} (see examples/conversations.jsonl)"
        ) from error
