"""Locations and their encryption keys, by the unmodified client."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CmekConfig

from tests.emulator.running import LOCATION, Running, queue, tasks_client

PROJECT = "projects/sidelane-local"
ELSEWHERE = f"{PROJECT}/locations/europe-west3"
CONFIG = f"{LOCATION}/cmekConfig"
KEY = f"{LOCATION}/keyRings/r/cryptoKeys/k"


def location(location_id: str) -> locations_pb2.Location:
    return locations_pb2.Location(
        name=f"{PROJECT}/locations/{location_id}",
        location_id=location_id,
        labels={"cloud.googleapis.com/region": location_id},
    )


async def test_a_project_has_the_configured_location_and_those_of_its_queues(
    client: CloudTasksAsyncClient,
) -> None:
    async def listed(**request: Any) -> list[locations_pb2.Location]:
        answer = await client.list_locations({"name": PROJECT, **request})
        return list(answer.locations)

    assert await listed() == [location("us-central1")]
    await client.create_queue(parent=ELSEWHERE, queue=queue(f"{ELSEWHERE}/queues/q"))
    assert await listed() == [location("europe-west3"), location("us-central1")]
    assert await listed(filter="location_id: europe") == [location("europe-west3")]
    first = await client.list_locations({"name": PROJECT, "page_size": 1})
    assert list(first.locations) == [location("europe-west3")]
    assert await listed(page_token=first.next_page_token) == [location("us-central1")]
    other = await client.list_locations({"name": "projects/other"})
    assert [each.name for each in other.locations] == ["projects/other/locations/us-central1"]
    with pytest.raises(InvalidArgument, match="Location parent must be formatted"):
        await client.list_locations({"name": "nonsense"})


async def test_one_location(client: CloudTasksAsyncClient) -> None:
    assert await client.get_location({"name": LOCATION}) == location("us-central1")
    with pytest.raises(NotFound, match="Location europe-west3 is not found or access is unauthorized"):
        await client.get_location({"name": ELSEWHERE})
    with pytest.raises(InvalidArgument):
        await client.get_location({"name": "nonsense"})


async def test_a_location_has_no_key_until_one_is_set_and_keeps_it(running: Running) -> None:
    async with running() as emulator, tasks_client(emulator.addresses.tasks) as client:
        assert await client.get_cmek_config(name=CONFIG) == CmekConfig(name=CONFIG)
        wanted = CmekConfig(name=CONFIG, kms_key=KEY)
        assert await client.update_cmek_config(cmek_config=wanted) == wanted
    async with running() as emulator, tasks_client(emulator.addresses.tasks) as client:
        assert await client.get_cmek_config(name=CONFIG) == wanted
        unchanged = {"cmek_config": {"name": CONFIG}, "update_mask": {"paths": ["name"]}}
        assert await client.update_cmek_config(request=unchanged) == wanted
        cleared = {"cmek_config": {"name": CONFIG}, "update_mask": {"paths": ["kms_key"]}}
        assert await client.update_cmek_config(request=cleared) == CmekConfig(name=CONFIG)
        assert await client.get_cmek_config(name=CONFIG) == CmekConfig(name=CONFIG)


@pytest.mark.parametrize(
    ("config", "paths", "message"),
    [
        ({"name": f"{LOCATION}/CmekConfig"}, [], "CmekConfig name must be formatted: "),
        ({"name": "cmekConfig"}, [], "CmekConfig name must be formatted: "),
        ({"name": "nonsense/cmekConfig"}, [], "Invalid resource field value in the request."),
        ({"name": CONFIG, "kms_key": "k"}, [], "CmekConfig.kmsKey must be formatted: "),
        ({"name": CONFIG}, ["key"], "Invalid field path in update_mask: 'key' is no field of a CmekConfig"),
    ],
)
async def test_a_config_that_is_wrong(
    client: CloudTasksAsyncClient, config: dict[str, str], paths: list[str], message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await client.update_cmek_config(request={"cmek_config": config, "update_mask": {"paths": paths}})
    assert caught.value.message.startswith(message)
