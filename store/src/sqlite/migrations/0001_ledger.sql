-- Times are nanoseconds since 1970, UTC. Columns marked "sealed" hold ciphertext.

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE owner (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL
);

CREATE TABLE alarm (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    home TEXT NOT NULL,
    cause TEXT NOT NULL,
    red INTEGER NOT NULL,
    open INTEGER NOT NULL,
    test INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    next_step_at INTEGER,
    body TEXT NOT NULL
);
-- At most one open alarm for each home and cause.
CREATE UNIQUE INDEX alarm_open ON alarm (home, cause) WHERE open = 1;
CREATE INDEX alarm_due ON alarm (red, next_step_at, id) WHERE open = 1;
CREATE INDEX alarm_by_state ON alarm (open, id);
CREATE INDEX alarm_by_home ON alarm (home, id);

CREATE TABLE attempt (
    alarm TEXT NOT NULL,
    no INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (alarm, no)
) WITHOUT ROWID;

CREATE TABLE effect (
    alarm TEXT NOT NULL,
    no INTEGER NOT NULL,
    home TEXT NOT NULL,
    level TEXT NOT NULL,
    red INTEGER NOT NULL,
    test INTEGER NOT NULL,
    body TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    trying INTEGER NOT NULL,
    tried_at INTEGER,
    done_at INTEGER,
    PRIMARY KEY (alarm, no)
) WITHOUT ROWID;
CREATE INDEX effect_due ON effect (red, due_at, alarm, no) WHERE done_at IS NULL AND trying = 0;
CREATE INDEX effect_trying ON effect (alarm, no) WHERE done_at IS NULL AND trying = 1;
CREATE INDEX effect_done ON effect (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE seen (
    event BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    alarm TEXT
) WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at);

CREATE TABLE decided (
    shard INTEGER NOT NULL,
    red_lane INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (shard, red_lane)
) WITHOUT ROWID;

CREATE TABLE snapshot (
    shard INTEGER NOT NULL,
    home TEXT NOT NULL,
    state BLOB NOT NULL
);
CREATE UNIQUE INDEX snapshot_home ON snapshot (shard, home);

CREATE TABLE snapshot_place (
    shard INTEGER PRIMARY KEY,
    red INTEGER NOT NULL,
    routine INTEGER NOT NULL
);

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    home TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL, -- sealed
    reason TEXT NOT NULL,
    heard_at INTEGER NOT NULL
);

CREATE TABLE unknown_device (
    home TEXT NOT NULL,
    device TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (home, device)
) WITHOUT ROWID;
CREATE INDEX unknown_device_last ON unknown_device (last_at);

CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    alarm TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    kind TEXT NOT NULL,
    text BLOB NOT NULL -- sealed
);
CREATE INDEX note_alarm ON note (alarm, id);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE area (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE home (
    id TEXT PRIMARY KEY,
    area TEXT NOT NULL,
    address BLOB NOT NULL, -- sealed
    access_notes BLOB NOT NULL -- sealed
);
CREATE INDEX home_area ON home (area, id);

CREATE TABLE elder (
    id TEXT PRIMARY KEY,
    home TEXT NOT NULL,
    name BLOB NOT NULL, -- sealed
    born_year INTEGER,
    sex TEXT NOT NULL,
    phone BLOB NOT NULL, -- sealed
    id_number BLOB NOT NULL, -- sealed
    id_number_hash BLOB, -- keyed hash, for look-up
    health_notes BLOB NOT NULL, -- sealed
    tier TEXT NOT NULL,
    speech_notes BLOB NOT NULL -- sealed
);
CREATE INDEX elder_home ON elder (home, id);
CREATE INDEX elder_id_number ON elder (id_number_hash) WHERE id_number_hash IS NOT NULL;

CREATE TABLE contact (
    id TEXT PRIMARY KEY,
    home TEXT,
    name BLOB NOT NULL, -- sealed
    relation TEXT NOT NULL,
    addresses BLOB NOT NULL, -- sealed
    language TEXT NOT NULL
);
CREATE INDEX contact_home ON contact (home, id);

CREATE TABLE plan (
    scope_kind TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    cause TEXT NOT NULL, -- empty: every cause
    level TEXT NOT NULL, -- empty: every level
    body TEXT NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, cause, level)
);

CREATE TABLE device (
    home TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    room TEXT NOT NULL,
    exit_door INTEGER NOT NULL,
    enrolled_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (home, id)
) WITHOUT ROWID;

CREATE TABLE heard (
    home TEXT NOT NULL,
    device TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (home, device)
) WITHOUT ROWID;

CREATE TABLE credential (
    name TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    rights TEXT NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    name BLOB NOT NULL, -- sealed
    role TEXT NOT NULL,
    area TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    active INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE token (
    hash TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_expires ON token (expires_at);
