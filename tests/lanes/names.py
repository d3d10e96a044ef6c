"""Lanes that ask a name server of the test's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
from aiohttp.resolver import AsyncResolver

from lanes import EgressPolicy, HttpLane, LaneSettings, TransportSettings, open_transport
from tests.lanes.hostile import NameServer


def lane_asking(names: NameServer, settings: LaneSettings, egress: EgressPolicy, **changes: Any) -> HttpLane:
    """`changes` are those of the `TransportSettings`."""

    def opened(transport: TransportSettings) -> httpx.AsyncBaseTransport:
        def resolver() -> AsyncResolver:
            return AsyncResolver(nameservers=["127.0.0.1"], udp_port=names.port, timeout=5.0, tries=1)

        return open_transport(replace(transport, **changes), resolver=resolver)

    return HttpLane(settings, egress=egress, open_transport=opened)
