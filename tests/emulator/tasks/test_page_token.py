"""Page tokens: of one list, for two hours."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator import VirtualClock
from emulator.errors import InvalidArgumentError
from emulator.tasks.page_token import page_size, page_token, read_page_token
from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, task

CALL = ("ListQueues", LOCATION, "state: PAUSED")
INVALID = "The page token is invalid: "
EXPIRED = "The page token has expired after 2 hours: begin again at the first page."


async def list_page(client: CloudTasksAsyncClient, call: str, **request: Any) -> Any:
    return await getattr(client, call)(request=request)


def test_a_token_leads_on_in_its_own_list_for_two_hours() -> None:
    token = page_token("ü/7", CALL, now=100.5)
    assert read_page_token(token, CALL, now=100.5) == "ü/7"
    assert read_page_token(token, CALL, now=7300.5) == "ü/7"
    assert read_page_token("", CALL, now=0) == ""
    with pytest.raises(InvalidArgumentError, match=EXPIRED):
        read_page_token(token, CALL, now=7300.6)
    for other in (("ListTasks", *CALL[1:]), (*CALL[:2], ""), ("ListQueues", f"{LOCATION}state: PAUSED", "")):
        with pytest.raises(InvalidArgumentError, match=INVALID):
            read_page_token(token, other, now=101)


@pytest.mark.parametrize(
    "token", ["x", "é", "eA==", "WzEsMiwzXQ==", "IjEyMyI=", "bnVsbA==", "W1tbW1tb", "===="]
)
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(InvalidArgumentError, match=INVALID):
        read_page_token(token, CALL, now=0)


def test_the_size_of_a_page() -> None:
    assert [page_size(asked, 9800) for asked in (0, 1, 9800, 9801)] == [9800, 1, 9800, 9800]
    with pytest.raises(InvalidArgumentError, match="cannot be negative"):
        page_size(-1, 9800)


async def test_the_filter_and_the_parent_stay_the_same(
    client: CloudTasksAsyncClient, clock: VirtualClock
) -> None:
    queues = {"parent": LOCATION, "page_size": 1, "filter": "state: RUNNING"}
    token = (await list_page(client, "list_queues", **queues)).next_page_token
    for change in ({"filter": ""}, {"parent": "projects/other/locations/us-central1"}):
        with pytest.raises(InvalidArgument, match=INVALID):
            await list_page(client, "list_queues", **{**queues, **change, "page_token": token})
    last = await list_page(client, "list_queues", **{**queues, "page_token": token, "page_size": 5})
    assert [found.name for found in last.queues] == [QUEUE]
    assert last.next_page_token == ""
    clock.advance(7201)
    with pytest.raises(InvalidArgument, match=EXPIRED):
        await list_page(client, "list_queues", **queues, page_token=token)


async def test_a_token_of_one_queues_tasks_is_none_of_another(
    client: CloudTasksAsyncClient, clock: VirtualClock
) -> None:
    await client.pause_queue(name=QUEUE)
    for name in ("a", "b"):
        await client.create_task(parent=QUEUE, task=task(name))
    token = (await list_page(client, "list_tasks", parent=QUEUE, page_size=1)).next_page_token
    with pytest.raises(InvalidArgument, match=INVALID):
        await list_page(client, "list_tasks", parent=OTHER_QUEUE, page_token=token)
    clock.advance(7200)
    page = await list_page(client, "list_tasks", parent=QUEUE, page_token=token, response_view="FULL")
    assert [found.name for found in page.tasks] == [f"{QUEUE}/tasks/b"]
    clock.advance(1)
    with pytest.raises(InvalidArgument, match=EXPIRED):
        await list_page(client, "list_tasks", parent=QUEUE, page_token=token)
