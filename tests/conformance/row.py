"""The rows of the conformance suite: a call, what came before it, and the answer expected, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "rows"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A call that has to succeed before a row's own. `save` keeps fields of its answer as variables.

    `advance` moves the emulator's clock by seconds instead of calling.
    """

    call: str = ""
    request: Json | None = None
    save: Mapping[str, str] | None = None
    advance: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """Either `answer`, of which every field given must be there, or `error` (code, message, details)."""

    answer: Json | None = None
    error: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the specification that calls can observe; `spec` says which.

    `call` is a method of Cloud Tasks, or of Pub/Sub with the prefix `pubsub.`, and `request` its request as
    JSON; where `http` is given (verb, path, query, body as text or JSON) the row is that request instead.

    `queue` creates the queue `$queue` first, `running` or `paused`. `reason` says why the emulator answers
    otherwise than production on purpose; `production` is what production answers. `emulator_only` says why
    the row makes no sense against the real service; `not_by` why it makes none by a driver.
    """

    id: str
    spec: str
    call: str
    request: Json
    http: Json | None
    queue: str
    given: Sequence[Step]
    expected: Expected
    production: Expected | None
    reason: str
    emulator_only: str
    not_by: Mapping[str, str]

    def __str__(self) -> str:
        return self.id


def rows() -> list[Row]:
    """Every row, in the order of the files."""
    found = [
        _row(path.stem, data)
        for path in sorted(FOLDER.glob("*.yaml"))
        for data in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    names = [row.id for row in found]
    assert len(set(names)) == len(names), "two rows with one id"
    return found


def _row(group: str, data: dict[str, Any]) -> Row:
    given = [_step(step) for step in data.pop("given", ())]
    name = f"{group}/{data.pop('id')}"
    row = Row(
        id=name,
        spec=data.pop("spec"),
        call=data.pop("call", ""),
        request=data.pop("request", {}),
        http=data.pop("http", None),
        queue=data.pop("queue", ""),
        given=given,
        expected=Expected(answer=data.pop("answer", None), error=data.pop("error", None)),
        production=Expected(**data.pop("production")) if "production" in data else None,
        reason=data.pop("reason", ""),
        emulator_only=data.pop("emulator_only", ""),
        not_by=data.pop("not_by", {}),
    )
    assert not data, f"{name}: unknown fields {sorted(data)}"
    assert bool(row.call) != bool(row.http), f"{name}: a call, or an HTTP request"
    assert (row.expected.answer is None) != (row.expected.error is None), f"{name}: an answer, or an error"
    assert bool(row.reason) == (row.production is not None), f"{name}: a difference has its reason"
    assert row.emulator_only or not any(step.advance for step in given), f"{name}: no real clock is moved"
    return row


def _step(data: dict[str, Any]) -> Step:
    if "advance" in data:
        return Step(advance=data["advance"])
    save = data.pop("save", None)
    ((call, request),) = data.items()
    return Step(call=call, request=request, save=save)
