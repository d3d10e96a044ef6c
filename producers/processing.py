"""Processes a conversation by a language model: what every one gets, and what the user's apps make of it.

All questions are asked at once, bounded, under one deadline. It stores nothing and tells nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from contracts import Conversation
from lanes import Done, Failed, fan_out_collect
from producers.models import ModelClient, Prompt

STANDARD = {
    "title": "Name this conversation in at most six words.",
    "overview": "Tell in at most three sentences what this conversation was about.",
    "action_items": "List what the speakers agreed to do, a line each; an empty list is one dash.",
    "memories": "List what is worth remembering of the speakers, a line each; an empty list is one dash.",
}
REQUIRED = frozenset({"title", "overview"})
"""Without these there is no processed conversation; the others may be missing, and are named then."""


class App(BaseModel):
    """An app that the user enabled and that has an instruction of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=128)
    instruction: str = Field(min_length=1, max_length=4_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingLimits:
    deadline: float = 60.0
    """Seconds for everything."""
    at_a_time: int = 8
    """Questions under way for one conversation; what is left of the lane is for others."""
    characters: int = 60_000
    """Of the transcript that the model is given: its end, since what was agreed stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    standard: dict[str, str]
    apps: dict[str, str]
    missing: dict[str, str]
    """What has no answer, and why: by its name, for an app `app:ID`."""


async def process(
    conversation: Conversation, apps: Sequence[App], model: ModelClient, limits: ProcessingLimits
) -> Processed:
    """Ask everything about a conversation. A cancelled caller takes all questions along.

    Raises ThirdPartyFailed, DeadlineExceeded: one of `REQUIRED` has no answer.
    """
    transcript = worded(conversation)[-limits.characters :]
    questions = {
        **STANDARD,
        **{f"app:{app.id}": app.instruction for app in apps},
    }

    async def ask(name: str) -> str:
        return await model.complete(Prompt(instruction=questions[name], text=transcript))

    ends = await fan_out_collect(ask, questions, limit=limits.at_a_time, deadline=limits.deadline)
    named = dict(zip(questions, ends, strict=True))
    failed = {name: end.error for name, end in named.items() if isinstance(end, Failed)}
    for name in STANDARD:
        if name in REQUIRED and name in failed:
            raise failed[name]
    done = {name: end.result for name, end in named.items() if isinstance(end, Done)}
    return Processed(
        standard={name: text for name, text in done.items() if name in STANDARD},
        apps={name.removeprefix("app:"): text for name, text in done.items() if name.startswith("app:")},
        missing={name: str(error) for name, error in failed.items()},
    )


def worded(conversation: Conversation) -> str:
    return "\n".join(
        f"{segment.speaker_name or segment.speaker or 'somebody'}: {segment.text}"
        for segment in conversation.transcript_segments
    )
