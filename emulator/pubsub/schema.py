"""The tables that hold Pub/Sub on disk; other modules read and write them, this one only declares them."""

from __future__ import annotations

# Times are whole microseconds since the epoch. A message is kept once, however many subscriptions have yet
# to deliver it, and goes with its last delivery. Ids are never used twice, so that an acknowledgement can
# never meet a later message, or a later subscription of the same name.
SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS pubsub_topics (
        name TEXT PRIMARY KEY,
        resource BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS pubsub_subscriptions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        resource BLOB NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_subscriptions_of_topic ON pubsub_subscriptions (topic, name)",
    "CREATE TABLE IF NOT EXISTS pubsub_last_message (id INTEGER NOT NULL)",  # one row
    """
    CREATE TABLE IF NOT EXISTS pubsub_messages (
        id INTEGER PRIMARY KEY,
        published_at INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS pubsub_deliveries (
        message INTEGER NOT NULL,
        subscription INTEGER NOT NULL,
        due_at INTEGER NOT NULL,        -- when it may be delivered (again)
        leased_until INTEGER,           -- the ack deadline of the delivery under way
        attempts INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (message, subscription)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS pubsub_deliveries_due ON pubsub_deliveries (subscription, due_at)",
    "CREATE INDEX IF NOT EXISTS pubsub_deliveries_expiry ON pubsub_deliveries (expires_at)",
    """
    CREATE TRIGGER IF NOT EXISTS pubsub_message_settled AFTER DELETE ON pubsub_deliveries
    WHEN NOT EXISTS (SELECT 1 FROM pubsub_deliveries WHERE message = OLD.message)
    BEGIN
        DELETE FROM pubsub_messages WHERE id = OLD.message;
    END
    """,
)
