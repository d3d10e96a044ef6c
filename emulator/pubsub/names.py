"""Reads the resource names of a Pub/Sub request; anchored grammar alone, it never looks a resource up."""

from __future__ import annotations

import re

from emulator.errors import InvalidArgumentError

DELETED_TOPIC = "_deleted-topic_"  # what a subscription's topic reads once that topic is gone

_PROJECT = r"projects/[A-Za-z0-9:.-]{1,100}"
_ID = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
_PROJECT_NAME = re.compile(_PROJECT)
_TOPIC_NAME = re.compile(rf"{_PROJECT}/topics/{_ID}")
_SUBSCRIPTION_NAME = re.compile(rf"{_PROJECT}/subscriptions/{_ID}")
_SNAPSHOT_NAME = re.compile(rf"{_PROJECT}/snapshots/{_ID}")

_ID_RULE = (
    "the last part has 3 to 255 of the characters A-Z a-z 0-9 - _ . ~ + %, "
    'begins with a letter and does not begin with "goog"'
)


def check_project(name: str) -> str:
    """`projects/{project}`, or INVALID_ARGUMENT."""
    return _matching(_PROJECT_NAME, name, "Give projects/{project}.")


def check_topic(name: str) -> str:
    """`projects/{project}/topics/{topic}`, or INVALID_ARGUMENT."""
    return _matching(_TOPIC_NAME, name, f"Give projects/{{project}}/topics/{{topic}}; {_ID_RULE}.")


def check_subscription(name: str) -> str:
    """`projects/{project}/subscriptions/{subscription}`, or INVALID_ARGUMENT."""
    remedy = f"Give projects/{{project}}/subscriptions/{{subscription}}; {_ID_RULE}."
    return _matching(_SUBSCRIPTION_NAME, name, remedy)


def check_snapshot(name: str) -> str:
    """`projects/{project}/snapshots/{snapshot}`, or INVALID_ARGUMENT."""
    remedy = f"Give projects/{{project}}/snapshots/{{snapshot}}; {_ID_RULE}."
    return _matching(_SNAPSHOT_NAME, name, remedy)


def parts(name: str) -> tuple[str, str]:
    """The project's id and the last part of a name that is checked."""
    _, project, _, short_name = name.split("/")
    return project, short_name


def after_all(prefix: str) -> str:
    """The first string, in SQLite's order, after all names that begin with `prefix` (which ends with /)."""
    return f"{prefix[:-1]}0"  # "0" follows "/"


def _matching(grammar: re.Pattern[str], name: str, remedy: str) -> str:
    if grammar.fullmatch(name) is None:
        raise InvalidArgumentError(
            f"Invalid resource name given (name={name[:300]}). {remedy} "
            "Refer to https://cloud.google.com/pubsub/docs/admin#resource_names for more information.",
        )
    return name
