-- Every version of every sheet. seq gives the order of writing.
CREATE TABLE sheet (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    area TEXT NOT NULL,
    home TEXT,
    elder TEXT,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    body BLOB NOT NULL, -- sealed
    written_at INTEGER NOT NULL,
    written_by TEXT NOT NULL,
    UNIQUE (kind, id, version)
);
CREATE INDEX sheet_by_at ON sheet (kind, at, id) WHERE newest = 1;
CREATE INDEX sheet_by_state ON sheet (kind, state, at, id) WHERE newest = 1;
CREATE INDEX sheet_by_home ON sheet (home, kind, at, id) WHERE newest = 1 AND home IS NOT NULL;
CREATE INDEX sheet_by_elder ON sheet (elder, kind, at, id) WHERE newest = 1 AND elder IS NOT NULL;
