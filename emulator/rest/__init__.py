"""REST on the calls that gRPC serves: Google's JSON and errors, from a table of routes; it knows no API."""

from __future__ import annotations

from emulator.rest.api import RestApi, RestStatistics
from emulator.rest.raw import RawRequest, RawRoute
from emulator.rest.route import Route

__all__ = (
    "RawRequest",
    "RawRoute",
    "RestApi",
    "RestStatistics",
    "Route",
)
