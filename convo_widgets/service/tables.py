"""The tables of the service, and what SQLite is told before they are touched."""

VERSION = 7
"""Schema of the file, kept in SQLite's ``user_version``; another one is refused."""

# One process owns the file. Exclusive locking also keeps WAL's index in memory, so that the bug of SQLite 3.7.0 to
# 3.51.2 that two connections on one WAL file can meet cannot happen.
PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
)

SYNCHRONOUS = {"full": "PRAGMA synchronous = FULL", "relaxed": "PRAGMA synchronous = NORMAL"}
"""By durability: whether what was acknowledged survives a power cut, or only the end of the process."""

# The nouns are the only truth; Sync documents, lists and maps are rendered from them. Attributes are JSON text, times
# are ISO 8601 text in UTC, sids are the public names. `events` is what subscribers missed while they were away; `eras`
# are the ranges of ids that it ever had. `services`, `content`, `addresses` and `credentials` belong to the account:
# only the store of its first service has any.
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE eras (first INTEGER PRIMARY KEY, last INTEGER);

CREATE TABLE roles (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, friendly_name TEXT NOT NULL,
    admin INTEGER NOT NULL, permissions TEXT NOT NULL, date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);

CREATE TABLE services (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, friendly_name TEXT NOT NULL, ready INTEGER NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);

CREATE TABLE settings (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE users (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, identity TEXT NOT NULL UNIQUE, friendly_name TEXT,
    role_sid TEXT NOT NULL REFERENCES roles (sid),
    attributes TEXT NOT NULL, online INTEGER NOT NULL DEFAULT 0,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);

CREATE TABLE registrations (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, channel_type TEXT NOT NULL,
    address TEXT NOT NULL, message_types TEXT NOT NULL, date_created TEXT NOT NULL, date_updated TEXT NOT NULL,
    UNIQUE (identity, channel_type, address)
);

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, unique_name TEXT UNIQUE, friendly_name TEXT,
    attributes TEXT NOT NULL, state TEXT NOT NULL, state_updated TEXT NOT NULL, created_by TEXT NOT NULL,
    creator_left INTEGER NOT NULL DEFAULT 0, next_index INTEGER NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL,
    messaging_service_sid TEXT, inactive_after TEXT, closed_after TEXT, due TEXT, email_address TEXT, email_name TEXT
);
CREATE INDEX conversations_by_due ON conversations (due) WHERE due NOTNULL;

CREATE TABLE participants (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    identity TEXT, type TEXT NOT NULL, address TEXT, proxy_address TEXT, name TEXT, level TEXT,
    role_sid TEXT NOT NULL REFERENCES roles (sid), attributes TEXT NOT NULL,
    last_read INTEGER, last_read_at TEXT, notification_level TEXT NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL, projected_address TEXT,
    UNIQUE (conversation, identity), CHECK ((identity IS NULL) <> (address IS NULL))
);
CREATE INDEX participants_by_identity ON participants (identity, conversation);
CREATE INDEX participants_by_address ON participants (address, proxy_address);

CREATE TABLE messages (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE, idx INTEGER NOT NULL,
    sid TEXT NOT NULL, author TEXT NOT NULL, participant_sid TEXT, body TEXT, subject TEXT,
    attributes TEXT NOT NULL, last_updated_by TEXT, content_sid TEXT, channel_metadata TEXT,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL,
    PRIMARY KEY (conversation, idx)
) WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_sid ON messages (sid);

CREATE TABLE gaps (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (conversation, last)
) WITHOUT ROWID;

CREATE TABLE media (
    sid TEXT PRIMARY KEY, author TEXT NOT NULL, conversation INTEGER, idx INTEGER, position INTEGER NOT NULL,
    filename TEXT, content_type TEXT NOT NULL, size INTEGER NOT NULL, category TEXT NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL,
    FOREIGN KEY (conversation, idx) REFERENCES messages ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX media_by_message ON media (conversation, idx, position);
CREATE INDEX media_unsent ON media (author) WHERE conversation IS NULL;

CREATE TABLE media_bytes (
    id INTEGER PRIMARY KEY, medium TEXT NOT NULL REFERENCES media ON DELETE CASCADE, position INTEGER NOT NULL,
    bytes BLOB NOT NULL, UNIQUE (medium, position)
);

CREATE TABLE receipts (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL, idx INTEGER NOT NULL, participant_sid TEXT NOT NULL,
    status TEXT NOT NULL, error_code INTEGER NOT NULL, date_created TEXT NOT NULL, date_updated TEXT NOT NULL,
    FOREIGN KEY (conversation, idx) REFERENCES messages ON DELETE CASCADE,
    UNIQUE (conversation, idx, participant_sid)
);

CREATE TABLE carried (
    conversation INTEGER NOT NULL, idx INTEGER NOT NULL, participant_sid TEXT NOT NULL,
    steps INTEGER NOT NULL, due TEXT NOT NULL, PRIMARY KEY (conversation, idx, participant_sid),
    FOREIGN KEY (conversation, idx) REFERENCES messages ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE content (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, friendly_name TEXT NOT NULL, language TEXT NOT NULL,
    variables TEXT NOT NULL, types TEXT NOT NULL, date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    target TEXT NOT NULL, configuration TEXT NOT NULL, date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);
CREATE INDEX webhooks_by_conversation ON webhooks (conversation, id);

CREATE TABLE addresses (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, address TEXT NOT NULL,
    friendly_name TEXT, address_country TEXT, auto_creation TEXT NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL, UNIQUE (type, address)
);

CREATE TABLE credentials (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, friendly_name TEXT, sandbox INTEGER NOT NULL,
    date_created TEXT NOT NULL, date_updated TEXT NOT NULL
);

CREATE TABLE mutations (
    identity TEXT NOT NULL, id TEXT NOT NULL, resource_path TEXT, date_created TEXT NOT NULL,
    PRIMARY KEY (identity, id)
) WITHOUT ROWID;

CREATE TABLE sync_objects (
    sid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, view TEXT NOT NULL, subject INTEGER NOT NULL,
    date_created TEXT NOT NULL, UNIQUE (view, subject)
) WITHOUT ROWID;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, object_sid TEXT NOT NULL, item TEXT, event_type TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX events_by_object ON events (object_sid, id);
CREATE INDEX events_by_item ON events (object_sid, item);
"""
