-- Times are nanoseconds since 1970, UTC; leases alone are instants of the server's clock. Columns marked "sealed" hold
-- ciphertext. Identifiers sort by their bytes, as everywhere in the house.

CREATE TABLE setting (
    key TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

-- Who is at work: a member that lets its lease run out is dead to the others, whatever became of it.
CREATE TABLE member (
    id TEXT COLLATE "C" PRIMARY KEY,
    node TEXT COLLATE "C" NOT NULL UNIQUE,
    version TEXT NOT NULL,
    duties TEXT NOT NULL,
    address TEXT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    lease_until TIMESTAMPTZ NOT NULL
);
CREATE FUNCTION member_lives(who TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE AS
    'SELECT EXISTS (SELECT 1 FROM member WHERE id = who AND lease_until > clock_timestamp())';

CREATE TABLE owner (
    shard BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    member TEXT COLLATE "C",
    taken_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE alarm (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    home TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    red BOOLEAN NOT NULL,
    open BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    raised_at BIGINT NOT NULL,
    next_step_at BIGINT,
    claimed_by TEXT COLLATE "C", -- the member whose engine fires the deadline
    body TEXT NOT NULL
) WITH (fillfactor = 80);
-- At most one open alarm for each home and cause.
CREATE UNIQUE INDEX alarm_open ON alarm (home, cause) WHERE open;
CREATE INDEX alarm_due ON alarm (red, next_step_at, id) WHERE open;
CREATE INDEX alarm_by_state ON alarm (open, id);
CREATE INDEX alarm_by_home ON alarm (home, id);

CREATE TABLE attempt (
    alarm TEXT COLLATE "C" NOT NULL,
    no BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (alarm, no)
);

CREATE TABLE effect (
    alarm TEXT COLLATE "C" NOT NULL,
    no BIGINT NOT NULL,
    home TEXT COLLATE "C" NOT NULL,
    level TEXT NOT NULL,
    red BOOLEAN NOT NULL,
    test BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    trying BOOLEAN NOT NULL,
    adopted BOOLEAN NOT NULL DEFAULT FALSE, -- begun by a life that has ended, to be reconciled by its claimant
    tried_at BIGINT,
    done_at BIGINT,
    claimed_by TEXT COLLATE "C", -- the member whose engine delivers it
    PRIMARY KEY (alarm, no)
) WITH (fillfactor = 80);
CREATE INDEX effect_due ON effect (red, due_at, alarm, no) WHERE done_at IS NULL AND NOT trying;
CREATE INDEX effect_trying ON effect (alarm, no) WHERE done_at IS NULL AND trying;
CREATE INDEX effect_done ON effect (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE seen (
    event BYTEA PRIMARY KEY,
    at BIGINT NOT NULL,
    alarm TEXT COLLATE "C"
);
CREATE INDEX seen_at ON seen (at);

CREATE TABLE decided (
    shard BIGINT NOT NULL,
    red_lane BOOLEAN NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (shard, red_lane)
);

CREATE TABLE snapshot (
    shard BIGINT NOT NULL,
    home TEXT COLLATE "C" NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (shard, home)
);

CREATE TABLE snapshot_place (
    shard BIGINT PRIMARY KEY,
    red BIGINT NOT NULL,
    routine BIGINT NOT NULL
);

CREATE TABLE quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    home TEXT COLLATE "C" NOT NULL,
    topic TEXT NOT NULL,
    payload BYTEA NOT NULL, -- sealed
    reason TEXT NOT NULL,
    heard_at BIGINT NOT NULL
);

CREATE TABLE unknown_device (
    home TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (home, device)
);
CREATE INDEX unknown_device_last ON unknown_device (last_at);

CREATE TABLE note (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    by TEXT NOT NULL,
    kind TEXT NOT NULL,
    text BYTEA NOT NULL -- sealed
);
CREATE INDEX note_alarm ON note (alarm, id);

CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE area (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE home (
    id TEXT COLLATE "C" PRIMARY KEY,
    area TEXT COLLATE "C" NOT NULL,
    address BYTEA NOT NULL, -- sealed
    access_notes BYTEA NOT NULL -- sealed
);
CREATE INDEX home_area ON home (area, id);

CREATE TABLE elder (
    id TEXT COLLATE "C" PRIMARY KEY,
    home TEXT COLLATE "C" NOT NULL,
    name BYTEA NOT NULL, -- sealed
    born_year BIGINT,
    sex TEXT NOT NULL,
    phone BYTEA NOT NULL, -- sealed
    id_number BYTEA NOT NULL, -- sealed
    id_number_hash BYTEA, -- keyed hash, for look-up
    health_notes BYTEA NOT NULL, -- sealed
    tier TEXT NOT NULL,
    speech_notes BYTEA NOT NULL -- sealed
);
CREATE INDEX elder_home ON elder (home, id);
CREATE INDEX elder_id_number ON elder (id_number_hash) WHERE id_number_hash IS NOT NULL;

CREATE TABLE contact (
    id TEXT COLLATE "C" PRIMARY KEY,
    home TEXT COLLATE "C",
    name BYTEA NOT NULL, -- sealed
    relation TEXT NOT NULL,
    addresses BYTEA NOT NULL, -- sealed
    language TEXT NOT NULL
);
CREATE INDEX contact_home ON contact (home, id);

CREATE TABLE plan (
    scope_kind TEXT COLLATE "C" NOT NULL,
    scope_id TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL, -- empty: every cause
    level TEXT COLLATE "C" NOT NULL, -- empty: every level
    body TEXT NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, cause, level)
);

CREATE TABLE device (
    home TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    room TEXT NOT NULL,
    exit_door BOOLEAN NOT NULL,
    enrolled_at BIGINT NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (home, id)
);

CREATE TABLE credential (
    name TEXT COLLATE "C" PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    rights TEXT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE person (
    id TEXT COLLATE "C" PRIMARY KEY,
    name BYTEA NOT NULL, -- sealed
    role TEXT NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    password_hash TEXT NOT NULL,
    active BOOLEAN NOT NULL
);

CREATE TABLE token (
    hash TEXT COLLATE "C" PRIMARY KEY,
    person TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX token_expires ON token (expires_at);

CREATE TABLE sheet (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    newest BOOLEAN NOT NULL,
    area TEXT COLLATE "C" NOT NULL,
    home TEXT COLLATE "C",
    elder TEXT COLLATE "C",
    at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL, -- sealed
    written_at BIGINT NOT NULL,
    written_by TEXT NOT NULL,
    UNIQUE (kind, id, version)
);
CREATE INDEX sheet_by_at ON sheet (kind, at, id) WHERE newest;
CREATE INDEX sheet_by_state ON sheet (kind, state, at, id) WHERE newest;
CREATE INDEX sheet_by_home ON sheet (home, kind, at, id) WHERE newest AND home IS NOT NULL;
CREATE INDEX sheet_by_elder ON sheet (elder, kind, at, id) WHERE newest AND elder IS NOT NULL;
