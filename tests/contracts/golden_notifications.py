"""Envelopes of notifications as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import BulkNotification, Envelope, Notification, Task

NOTIFICATIONS: dict[str, tuple[Envelope, Task]] = {
    "notification.v1.ndjson": (
        Envelope(
            type="notification",
            version=1,
            identity="ann/d1931b49c30d2789fc3b11bf74ec2711/00112233aabbccdd",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        Notification(
            uid="ann",
            event="realtime_transcript/ann/stream-1/7",
            subject="weather",
            title="Weather says",
            body="Take an umbrella, Zoë ☂",
            data={"app_id": "weather", "kind": "app_message"},
            link="https://example.com/weather",
            device="00112233aabbccdd",
        ),
    ),
    "bulk-notification.v1.ndjson": (
        Envelope(
            type="bulk-notification",
            version=1,
            identity="6fac38bd400e09056a9b9df969eb6e31/9eecc0cd7bf7a4164fd7f4ee0be95498",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        BulkNotification(
            uids=("ann", "zoë"),
            event="announcement/2026-01",
            subject="announcement",
            title="New",
            body="Summaries of the day ☂",
            data={"kind": "announcement"},
            link="https://example.com/new",
        ),
    ),
}
