"""Where ours differs from Google's emulator by choice, and why; anything else that differs fails the test."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` names the differing fields, as `scenario: step: field`, with `*` for any."""

    where: str
    reason: str

    def covers(self, place: str) -> bool:
        return fnmatchcase(place, self.where)


DIFFERENCES = (
    Difference("*: state", "the cloud tells the state of a resource; Google's emulator does not"),
    Difference(
        "subscriptions: *: expiration_policy*",
        "the cloud fills in 31 days where no policy is given; Google's emulator leaves it out",
    ),
    Difference(
        "topics: update labels*", "the cloud updates the labels of a topic; Google's emulator knows no labels"
    ),
    Difference(
        "subscriptions: update in camel case*",
        "the mask of a REST call is in camel case, and nothing is served by refusing it over gRPC",
    ),
    Difference(
        "subscriptions: deadline too short*",
        "10 seconds are the documented least; Google's emulator takes any up to 600",
    ),
    Difference(
        "subscriptions: pull a push subscription*",
        "the cloud refuses to; Google's emulator answers nothing",
    ),
    Difference(
        "pulling: extend too far*", "600 seconds are the documented most; Google's emulator takes any"
    ),
    Difference("filtering: passed", "Google's emulator keeps a filter and applies none"),
    Difference("filtering: nonsense", "Google's emulator reads no filter"),
    Difference(
        "exactly_once: nonsense: told",
        "a client of exactly-once delivery learns of each id what became of it; "
        "Google's emulator tells it of those alone that look like its own",
    ),
)
