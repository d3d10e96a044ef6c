"""The tables that hold Pub/Sub on disk; other modules read and write them, this one only declares them."""

from __future__ import annotations

# Times and durations are whole microseconds, times since the epoch. A message is kept once, however many
# subscriptions have yet to deliver it, and goes with the last that holds it: a delivery, a snapshot, or its
# topic's retention. Ids are never used twice, so that an acknowledgement can never meet a later message, or
# a later subscription of the same name. `state` holds a `DeliveryState`.
SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS pubsub_topics (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        resource BLOB NOT NULL,
        retention INTEGER               -- how long the topic itself keeps its messages
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS pubsub_subscriptions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        is_detached INTEGER NOT NULL DEFAULT 0,
        resource BLOB NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_subscriptions_of_topic ON pubsub_subscriptions (topic, name)",
    "CREATE TABLE IF NOT EXISTS pubsub_last_message (id INTEGER NOT NULL)",  # one row
    """
    CREATE TABLE IF NOT EXISTS pubsub_messages (
        id INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL,
        published_at INTEGER NOT NULL,
        kept_until INTEGER,             -- by its topic
        body BLOB NOT NULL
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS pubsub_messages_of_topic ON pubsub_messages (topic, published_at)
    WHERE kept_until IS NOT NULL
    """,
    """
    CREATE INDEX IF NOT EXISTS pubsub_messages_kept ON pubsub_messages (kept_until)
    WHERE kept_until IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS pubsub_deliveries (
        message INTEGER NOT NULL,
        subscription INTEGER NOT NULL,
        state INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        leased_until INTEGER,           -- the ack deadline of the attempt under way
        stream INTEGER,                 -- the open StreamingPull that has it
        attempts INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        ordering_key TEXT,              -- where its subscription keeps the order
        PRIMARY KEY (message, subscription)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_deliveries_due ON pubsub_deliveries (subscription, state, due_at)",
    "CREATE INDEX IF NOT EXISTS pubsub_deliveries_expiry ON pubsub_deliveries (expires_at)",
    """
    CREATE INDEX IF NOT EXISTS pubsub_deliveries_of_key
    ON pubsub_deliveries (subscription, ordering_key, message) WHERE ordering_key IS NOT NULL AND state <> 3
    """,
    """
    CREATE INDEX IF NOT EXISTS pubsub_deliveries_exhausted ON pubsub_deliveries (due_at) WHERE state = 2
    """,
    """
    CREATE INDEX IF NOT EXISTS pubsub_deliveries_of_stream ON pubsub_deliveries (stream)
    WHERE stream IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS pubsub_snapshots (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        resource BLOB NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_snapshots_of_topic ON pubsub_snapshots (topic, name)",
    """
    CREATE TABLE IF NOT EXISTS pubsub_snapshot_messages (
        message INTEGER NOT NULL,
        snapshot INTEGER NOT NULL,
        PRIMARY KEY (message, snapshot)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_snapshot_messages_of ON pubsub_snapshot_messages (snapshot)",
    """
    CREATE VIEW IF NOT EXISTS pubsub_messages_held_by_none AS
    SELECT id FROM pubsub_messages WHERE kept_until IS NULL
    AND NOT EXISTS (SELECT 1 FROM pubsub_deliveries WHERE message = id)
    AND NOT EXISTS (SELECT 1 FROM pubsub_snapshot_messages WHERE message = id)
    """,
    """
    CREATE TRIGGER IF NOT EXISTS pubsub_message_settled AFTER DELETE ON pubsub_deliveries
    BEGIN
        DELETE FROM pubsub_messages
        WHERE id IN (SELECT id FROM pubsub_messages_held_by_none WHERE id = OLD.message);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS pubsub_message_left_snapshot AFTER DELETE ON pubsub_snapshot_messages
    BEGIN
        DELETE FROM pubsub_messages
        WHERE id IN (SELECT id FROM pubsub_messages_held_by_none WHERE id = OLD.message);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS pubsub_message_left_topic AFTER UPDATE OF kept_until ON pubsub_messages
    WHEN NEW.kept_until IS NULL
    BEGIN
        DELETE FROM pubsub_messages
        WHERE id IN (SELECT id FROM pubsub_messages_held_by_none WHERE id = NEW.id);
    END
    """,
)
