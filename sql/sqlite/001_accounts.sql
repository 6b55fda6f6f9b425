-- Accounts, channels, stream keys and the book of streams.
--
-- Times are UTC, in milliseconds since 1970.  Flags are 0 and 1.  Every table
-- but schema_version carries the user it belongs to as the first column of its
-- key, so all of a user's rows can live in one partition or on one shard.

CREATE TABLE users (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL UNIQUE,
    tier            TEXT NOT NULL DEFAULT 'viewer'
                    CHECK (tier IN ('viewer', 'affiliate', 'partner')),
    banned          INTEGER NOT NULL DEFAULT 0 CHECK (banned IN (0, 1)),
    ban_reason      TEXT,
    can_stream      INTEGER NOT NULL DEFAULT 1 CHECK (can_stream IN (0, 1)),
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL
);

CREATE TABLE channels (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    id              INTEGER NOT NULL,
    name            TEXT NOT NULL UNIQUE,
    title           TEXT NOT NULL DEFAULT '',
    category        TEXT NOT NULL DEFAULT '',
    tags            TEXT NOT NULL DEFAULT '[]',     -- a JSON array of strings
    language        TEXT NOT NULL DEFAULT '',       -- BCP 47
    mature          INTEGER NOT NULL DEFAULT 0 CHECK (mature IN (0, 1)),
    subscriber_only INTEGER NOT NULL DEFAULT 0
                    CHECK (subscriber_only IN (0, 1)),
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE stream_keys (
    user_id         INTEGER NOT NULL,
    id              INTEGER NOT NULL,               -- 1, 2 … of the user
    channel_id      INTEGER NOT NULL,
    digest          BLOB NOT NULL,                  -- HMAC-SHA-256 of the key
    created_ms      INTEGER NOT NULL,
    revoked_ms      INTEGER,                        -- NULL: it is in force
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, digest),
    FOREIGN KEY (user_id, channel_id) REFERENCES channels (user_id, id)
);

-- One row a live session; id is the session's in media URLs.
CREATE TABLE streams (
    user_id         INTEGER NOT NULL,
    id              TEXT NOT NULL,
    channel_id      INTEGER NOT NULL,
    node            TEXT NOT NULL,
    address         TEXT NOT NULL DEFAULT '',       -- of the publisher
    started_ms      INTEGER NOT NULL,
    seen_ms         INTEGER NOT NULL,               -- the book's last entry
    ended_ms        INTEGER,                        -- NULL: it is live
    end_reason      TEXT,
    peak_viewers    INTEGER NOT NULL DEFAULT 0,
    bytes           INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX streams_by_channel ON streams (user_id, channel_id, started_ms);
CREATE INDEX streams_open ON streams (node) WHERE ended_ms IS NULL;

-- What running servers have to hear of; they read on from the last id.
-- kind: ban, not_allowed, key_revoked, stop, changed.
CREATE TABLE changes (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id         INTEGER NOT NULL,
    channel_id      INTEGER NOT NULL DEFAULT 0,     -- 0: all of the user's
    key_id          INTEGER NOT NULL DEFAULT 0,     -- 0: all of the user's
    kind            TEXT NOT NULL,
    created_ms      INTEGER NOT NULL
);
