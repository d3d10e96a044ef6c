"""Keeps queues, topics and subscriptions by Google's REST APIs, with the calls that the real provider makes.

The calls and their order are those of hashicorp/google 7.45: queues by POST, PATCH with top-level fields in
its mask, then :pause or :resume; topics and subscriptions by PUT and PATCH.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.terraform.provider.schema import Body
from tests.terraform.provider.wire import Json, camel, merged, to_json

_OURS = frozenset(
    {"id", "deletion_policy", "desired_state", "location", "name", "project", "state", "timeouts"}
)
"""Arguments that are no field of the service's own resource."""


class CloudError(Exception):
    """The service refused; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Base URLs with the version and a slash, as the provider's `*_custom_endpoint` has them."""

    tasks: str
    pubsub: str


class Queue:
    type = "google_cloud_tasks_queue"

    def __init__(self, body: Body, base: str) -> None:
        self._body = body
        self._base = base

    def id(self, values: Mapping[str, Any]) -> str:
        return "projects/{project}/locations/{location}/queues/{name}".format(**values)

    def create(self, values: Mapping[str, Any]) -> None:
        parent = "projects/{project}/locations/{location}/queues".format(**values)
        body = to_json(self._body, values, without=_OURS)
        call("POST", self._base + parent, {**body, "name": self.id(values)})
        if values.get("desired_state") == "PAUSED":
            self._pause_or_resume(values)

    def read(self, state: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any] | None:
        answer = call("GET", self._base + str(state["id"]))
        if answer is None:
            return None
        answer.pop("name", None)
        return {**merged(self._body, state, answer, whole=whole), "state": answer["state"]}

    def update(self, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        old, new = (to_json(self._body, each, without=_OURS) for each in (before, values))
        if changed := sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)):
            call("PATCH", f"{self._base}{self.id(values)}?updateMask={','.join(changed)}", new)
        if before.get("desired_state") != values.get("desired_state"):
            self._pause_or_resume(values)

    def delete(self, state: Mapping[str, Any]) -> None:
        call("DELETE", self._base + str(state["id"]))

    def imported(self, id_: str) -> dict[str, Any]:
        _, project, _, location, _, name = id_.split("/")
        given = {"id": id_, "project": project, "location": location, "name": name}
        return {**self._body.empty(), **given, "desired_state": "RUNNING"}

    def _pause_or_resume(self, values: Mapping[str, Any]) -> None:
        verb = "pause" if values.get("desired_state") == "PAUSED" else "resume"
        call("POST", f"{self._base}{self.id(values)}:{verb}", {})


class PubSubResource:
    """A topic or a subscription."""

    def __init__(self, type_: str, collection: str, body: Body, base: str) -> None:
        self.type = type_
        self._collection = collection
        self._body = body
        self._base = base

    def id(self, values: Mapping[str, Any]) -> str:
        return f"projects/{values['project']}/{self._collection}/{values['name']}"

    def create(self, values: Mapping[str, Any]) -> None:
        call("PUT", self._base + self.id(values), self._json(values))

    def read(self, state: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any] | None:
        answer = call("GET", self._base + str(state["id"]))
        if answer is None:
            return None
        answer.pop("name", None)
        return merged(self._body, state, answer, whole=whole)

    def update(self, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        old, new = self._json(before), self._json(values)
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        kind = self._collection.removesuffix("s")
        if changed:
            call("PATCH", f"{self._base}{self.id(values)}?updateMask={','.join(changed)}", {kind: new})

    def delete(self, state: Mapping[str, Any]) -> None:
        call("DELETE", self._base + str(state["id"]))

    def imported(self, id_: str) -> dict[str, Any]:
        _, project, _, name = id_.split("/")
        return {**self._body.empty(), "id": id_, "project": project, "name": name}

    def _json(self, values: Mapping[str, Any]) -> Json:
        found = to_json(self._body, values, without=_OURS)
        if (expiration := found.get(camel("expiration_policy"))) is not None and not expiration.get("ttl"):
            found[camel("expiration_policy")] = {}  # never
        return found


Kept = Queue | PubSubResource


def kept(bodies: Mapping[str, Body], endpoints: Endpoints) -> dict[str, Kept]:
    """What is kept by REST, by its type."""
    topic, subscription = "google_pubsub_topic", "google_pubsub_subscription"
    return {
        Queue.type: Queue(bodies[Queue.type], endpoints.tasks),
        topic: PubSubResource(topic, "topics", bodies[topic], endpoints.pubsub),
        subscription: PubSubResource(subscription, "subscriptions", bodies[subscription], endpoints.pubsub),
    }


def call(method: str, url: str, body: Json | None = None) -> Json | None:
    """The answer; None for 404. Raises CloudError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            found: Json = json.load(response)
            return found
    except urllib.error.HTTPError as error:
        if error.code == 404 and method != "PATCH":
            return None
        raise CloudError(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}") from error
