-- Accounts, channels, stream keys and the book of streams.
--
-- Times are UTC, in milliseconds since 1970.  Flags are 0 and 1.  A row of
-- users, channels, stream_keys and streams belongs to one user, whose id is the
-- first column of the key, and no other column has to be unique over all users:
-- so each of these tables can be partitioned, or spread over servers, by it.

-- Who has a name, of a user or a channel; both come out of one space, and a
-- name once given stays its user's.  Filled by triggers.  This table is the
-- only one that is asked without knowing the user, and is spread by name.
CREATE TABLE names (
    name            TEXT NOT NULL PRIMARY KEY,
    user_id         INTEGER NOT NULL
) WITHOUT ROWID;

-- pepper: what tells that the pepper at hand is the one that the digests were
-- made with, without telling the pepper.
CREATE TABLE settings (
    name            TEXT NOT NULL PRIMARY KEY,
    value           TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL,
    tier            TEXT NOT NULL DEFAULT 'viewer'
                    CHECK (tier IN ('viewer', 'affiliate', 'partner')),
    banned          INTEGER NOT NULL DEFAULT 0 CHECK (banned IN (0, 1)),
    ban_reason      TEXT,
    can_stream      INTEGER NOT NULL DEFAULT 1 CHECK (can_stream IN (0, 1)),
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL
);

CREATE INDEX users_by_name ON users (name);

CREATE TABLE channels (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    id              INTEGER NOT NULL,               -- 1, 2 ... of the user
    name            TEXT NOT NULL,
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

CREATE INDEX channels_by_name ON channels (name);

CREATE TABLE stream_keys (
    user_id         INTEGER NOT NULL,
    id              INTEGER NOT NULL,               -- 1, 2 ... of the user
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

-- What running servers have to hear of; each reads on from the last id it saw,
-- over all users, so this log stays whole.  Rows older than a day are pruned.
-- kind: ban, not_allowed, key_revoked, stop, changed.
CREATE TABLE changes (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id         INTEGER NOT NULL,
    channel_id      INTEGER NOT NULL DEFAULT 0,     -- 0: all of the user's
    key_id          INTEGER NOT NULL DEFAULT 0,     -- 0: all of the user's
    kind            TEXT NOT NULL CHECK (kind IN
                    ('ban', 'not_allowed', 'key_revoked', 'stop', 'changed')),
    created_ms      INTEGER NOT NULL
);

CREATE INDEX changes_by_time ON changes (created_ms);

CREATE TRIGGER users_name AFTER INSERT ON users
BEGIN
    INSERT INTO names (name, user_id) VALUES (NEW.name, NEW.id);
END;

CREATE TRIGGER channels_name AFTER INSERT ON channels
WHEN NOT EXISTS (SELECT 1 FROM names
                 WHERE name = NEW.name AND user_id = NEW.user_id)
BEGIN
    INSERT INTO names (name, user_id) VALUES (NEW.name, NEW.user_id);
END;

CREATE TRIGGER users_rename AFTER UPDATE OF name ON users
WHEN NOT EXISTS (SELECT 1 FROM names
                 WHERE name = NEW.name AND user_id = NEW.id)
BEGIN
    INSERT INTO names (name, user_id) VALUES (NEW.name, NEW.id);
END;

CREATE TRIGGER channels_rename AFTER UPDATE OF name ON channels
WHEN NOT EXISTS (SELECT 1 FROM names
                 WHERE name = NEW.name AND user_id = NEW.user_id)
BEGIN
    INSERT INTO names (name, user_id) VALUES (NEW.name, NEW.user_id);
END;
