BEGIN TRANSACTION;
CREATE TABLE dead_letter (
        id TEXT PRIMARY KEY,
        type TEXT NOT NULL,
        identity TEXT NOT NULL,
        generation INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        queue TEXT NOT NULL,
        target TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        accepted_at TEXT,
        died_at TEXT NOT NULL,
        body BLOB NOT NULL,
        replayed_at TEXT,
        replayed_as INTEGER
    ) WITHOUT ROWID
    ;
INSERT INTO "dead_letter" VALUES('c6eeb5320c3fac00','x','',0,1,'q','','undecodable','no',NULL,'2026-01-01T12:00:00.000000+00:00',X'6A756E6B',NULL,NULL);
CREATE TABLE endpoint (
        uid TEXT NOT NULL,
        kind TEXT NOT NULL,
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        paused INTEGER NOT NULL,
        PRIMARY KEY (uid, kind)
    ) WITHOUT ROWID
    ;
INSERT INTO "endpoint" VALUES('u1','memory_created','https://example.com/hook?x=1','whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',0);
INSERT INTO "endpoint" VALUES('u2','day_summary','https://example.org/','whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',1);
CREATE TABLE ledger (
        type TEXT NOT NULL,
        identity TEXT NOT NULL,
        generation INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        park INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        bugs INTEGER NOT NULL,
        parked_since TEXT,
        outcome TEXT,
        history TEXT NOT NULL,
        PRIMARY KEY (type, identity, generation)
    ) WITHOUT ROWID
    ;
INSERT INTO "ledger" VALUES('developer-webhook','memory_created/u1/1/0',0,1,0,0,0,NULL,'{"kind":"done","reason":"delivered","detail":"","decided_at":"2026-01-01T12:00:00Z","due":null,"next":null,"charged_to_us":false}','[{"position":{"attempt":1,"park":0},"outcome":{"kind":"done","reason":"delivered","detail":"","decided_at":"2026-01-01T12:00:00Z","due":null,"next":null,"charged_to_us":false}}]');
COMMIT;
