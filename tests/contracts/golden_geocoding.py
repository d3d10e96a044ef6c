"""Envelopes of geocoding as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import Coordinates, Envelope, Geocode, Task

GEOCODING: dict[str, tuple[Envelope, Task]] = {
    "geocode.v1.ndjson": (
        Envelope(
            type="geocode",
            version=1,
            identity="ann/c1/52.520008%2C13.404954/2",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        Geocode(
            uid="ann",
            conversation_id="c1",
            at=Coordinates(latitude=52.5200081, longitude=13.404954),
            revision=2,
        ),
    ),
}
