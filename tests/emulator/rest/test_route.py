"""Templates of paths: what they match, what they take out of a path, and what an action is."""

from __future__ import annotations

import pytest

from emulator.pubsub.rest import ROUTES as PUBSUB_ROUTES
from emulator.rest.route import Path, Route, Router, Template
from emulator.tasks.rest import ROUTES as TASKS_ROUTES

QUEUE = Template.parse("/v2/{name=projects/*/queues/*}:pause")


def test_a_template_takes_its_variables_out_of_the_path() -> None:
    template = Template.parse("/v2/{parent=projects/*/queues/*}/tasks/{task_id=*}:buffer")
    found = template.match(Path.parse("/v2/projects/p/queues/q/tasks/t:buffer"))
    assert found == {"parent": "projects/p/queues/q", "task_id": "t"}


@pytest.mark.parametrize(
    "path",
    [
        "/v2/projects/p/queues/q",
        "/v2/projects/p/queues/q:resume",
        "/v2/projects/p/queues/:pause",
        "/v2/projects//queues/q:pause",
        "/v2/projects/p/queue/q:pause",
        "/v2/projects/p/queues/q/:pause",
        "/v2/projects/p/queues/q/tasks:pause",
        "/v1/projects/p/queues/q:pause",
        "",
        "/",
    ],
)
def test_another_path_does_not_match(path: str) -> None:
    assert QUEUE.match(Path.parse(path)) is None


def test_an_encoded_slash_is_no_border_between_segments() -> None:
    found = QUEUE.match(Path.parse("/v2/projects/a%2Fb%20c/queues/q%3Apause"))
    assert found == {"name": "projects/a%2Fb c/queues/q"}


def test_a_colon_inside_the_path_is_no_action() -> None:
    found = QUEUE.match(Path.parse("/v2/projects/example.com:p/queues/q:pause"))
    assert found == {"name": "projects/example.com:p/queues/q"}


def test_a_router_finds_every_verb_of_a_path() -> None:
    get, delete = (Route(verb, "/v1/{topic=topics/*}", f"S/{verb}") for verb in ("GET", "DELETE"))
    found = Router([get, Route("GET", "/v1/topics", "S/List"), delete]).find(Path.parse("/v1/topics/t"))
    assert found == [(get, {"topic": "topics/t"}), (delete, {"topic": "topics/t"})]


@pytest.mark.parametrize("routes", [TASKS_ROUTES, PUBSUB_ROUTES])
def test_no_two_rows_of_a_table_mean_the_same_path(routes: tuple[Route, ...]) -> None:
    keys = [(route.verb, route.parsed.segments, route.parsed.action) for route in routes]
    assert len(set(keys)) == len(keys)
