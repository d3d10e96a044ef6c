"""Answers google.cloud.location.Locations: where queues are, and where they may be; it holds no queue."""

from __future__ import annotations

import re
from collections.abc import Sequence

import grpc
from google.cloud.location import locations_pb2

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.errors import ApiError, InvalidArgumentError
from emulator.grpc_api import Methods
from emulator.tasks.list_filter import parse_filter
from emulator.tasks.messages import Pb
from emulator.tasks.page_token import page_size, page_token, read_page_token
from emulator.tasks.queues import Queues

MAX_LOCATIONS_A_PAGE = 1000

_PROJECT = re.compile(r"projects/[A-Za-z0-9:.-]+")


class Locations:
    """A project has the configured locations, and those of its queues: a queue may be created anywhere."""

    def __init__(self, queues: Queues, clock: Clock, configured: Sequence[str]) -> None:
        """`configured`: location ids (`us-central1`) that every project has."""
        self._queues = queues
        self._clock = clock
        self._configured = tuple(configured)

    def methods(self) -> Methods:
        return {
            "ListLocations": (locations_pb2.ListLocationsRequest, self.list),
            "GetLocation": (locations_pb2.GetLocationRequest, self.get),
        }

    async def list(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError."""
        if not _PROJECT.fullmatch(request.name):
            raise InvalidArgumentError('Location parent must be formatted: "projects/<PROJECT_ID>".')
        call, now = ("ListLocations", request.name, request.filter), self._clock.now()
        passes = parse_filter(request.filter, locations_pb2.Location.DESCRIPTOR)
        size = page_size(request.page_size, MAX_LOCATIONS_A_PAGE)
        after = read_page_token(request.page_token, call, now=now)
        ids = sorted(each for each in self._ids(request.name) if each > after)
        found = list(filter(passes, (_location(request.name, each) for each in ids)))
        token = page_token(found[size - 1].location_id, call, now=now) if len(found) > size else ""
        return locations_pb2.ListLocationsResponse(locations=found[:size], next_page_token=token)

    async def get(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        names.check_location(request.name)
        project, _, location_id = request.name.partition("/locations/")
        if location_id not in self._ids(project):
            raise ApiError(
                grpc.StatusCode.NOT_FOUND, f"Location {location_id} is not found or access is unauthorized."
            )
        return _location(project, location_id)

    def _ids(self, project: str) -> set[str]:
        prefix = f"{project}/locations/"
        used = (queue.name.removeprefix(prefix) for queue in self._queues if queue.name.startswith(prefix))
        return {name.partition("/")[0] for name in used}.union(self._configured)


def _location(project: str, location_id: str) -> Pb:
    return locations_pb2.Location(
        name=f"{project}/locations/{location_id}",
        location_id=location_id,
        labels={"cloud.googleapis.com/region": location_id},
    )
