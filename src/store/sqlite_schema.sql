-- SPDX-License-Identifier: Apache-2.0
-- The tables of a store in SQLite, in sections that are run one by one.
-- {n} stands for a number that no index of the store has yet: a generation
-- is put in place by renaming tables, and their indexes keep their names.
-- Columns of a made table are those of the live one that it becomes.

-- section: live
CREATE TABLE positions (
    position INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    information TEXT,
    migration_index INTEGER NOT NULL
);
CREATE INDEX positions_migration_index_{n} ON positions (migration_index);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    fqid TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT,
    weight INTEGER NOT NULL
);
CREATE INDEX events_position_{n} ON events (position);
CREATE INDEX events_fqid_{n} ON events (fqid);

CREATE TABLE models (
    fqid TEXT NOT NULL PRIMARY KEY,
    data TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    updated TEXT NOT NULL
);

CREATE TABLE id_sequences (
    collection TEXT NOT NULL PRIMARY KEY,
    id INTEGER NOT NULL
) WITHOUT ROWID;

-- section: helpers
CREATE TABLE collectionfields (
    id INTEGER PRIMARY KEY,
    collectionfield TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL
);

CREATE TABLE events_to_collectionfields (
    event_id INTEGER NOT NULL,
    collectionfield_id INTEGER NOT NULL,
    PRIMARY KEY (event_id, collectionfield_id)
) WITHOUT ROWID;

-- What migrate makes. godwit_positions, migration_events, godwit_models and
-- godwit_id_sequences are complete before a cutover and become the live
-- tables at cutover.
-- section: made
CREATE TABLE migration_positions (
    position INTEGER PRIMARY KEY,
    migration_index INTEGER NOT NULL
);
CREATE INDEX migration_positions_index_{n}
    ON migration_positions (migration_index);

CREATE TABLE migration_events (
    id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    fqid TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT,
    weight INTEGER NOT NULL
);
CREATE INDEX events_position_{n} ON migration_events (position);
CREATE INDEX events_fqid_{n} ON migration_events (fqid);

CREATE TABLE godwit_positions (
    position INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    information TEXT,
    migration_index INTEGER NOT NULL
);
CREATE INDEX positions_migration_index_{n}
    ON godwit_positions (migration_index);

CREATE TABLE godwit_models (
    fqid TEXT NOT NULL PRIMARY KEY,
    data TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    updated TEXT NOT NULL
);

CREATE TABLE godwit_id_sequences (
    collection TEXT NOT NULL PRIMARY KEY,
    id INTEGER NOT NULL
) WITHOUT ROWID;

-- section: keyframes
CREATE TABLE migration_keyframes (
    position INTEGER NOT NULL,
    migration_index INTEGER NOT NULL,
    PRIMARY KEY (position, migration_index)
) WITHOUT ROWID;

-- A level of a saved model, only where it is not what the level above has;
-- godwit_models is the highest. deleted NULL: not there at this level. An fqid
-- that is a collection's name: what most of its models have.
CREATE TABLE migration_keyframe_models (
    fqid TEXT NOT NULL,
    level INTEGER NOT NULL,
    meta_position INTEGER NOT NULL,
    deleted INTEGER,
    data TEXT,
    PRIMARY KEY (fqid, level)
);

-- The result of an older set of migrations, while the grown set is migrated
-- from the start again.
-- section: base
CREATE TABLE godwit_base_positions (
    position INTEGER PRIMARY KEY,
    migration_index INTEGER NOT NULL
);
CREATE INDEX migration_positions_index_{n}
    ON godwit_base_positions (migration_index);

CREATE TABLE godwit_base_events (
    id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    fqid TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT,
    weight INTEGER NOT NULL
);
CREATE INDEX events_position_{n} ON godwit_base_events (position);
CREATE INDEX events_fqid_{n} ON godwit_base_events (fqid);

-- section: own
CREATE TABLE godwit_store (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    next_number INTEGER NOT NULL,
    run_id TEXT,
    run_holder TEXT,
    sealed_position INTEGER,
    sealed_event INTEGER
);
INSERT INTO godwit_store (only_row, next_number) VALUES (1, {n} + 1);

CREATE TABLE godwit_run (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    start_index INTEGER NOT NULL,
    event_target INTEGER NOT NULL,
    position INTEGER NOT NULL,
    positions INTEGER NOT NULL,
    events INTEGER NOT NULL,
    events_written INTEGER NOT NULL,
    keyframe_position INTEGER NOT NULL,
    base_target INTEGER NOT NULL,
    base_position INTEGER NOT NULL,
    final_index INTEGER NOT NULL,
    checksums TEXT
);

-- What a save of models has replaced, while it goes on in several
-- transactions: per model a row of level -2, one of -1 for godwit_models, and
-- those of migration_keyframe_models. A save that does not come to its end is
-- taken back by it; when it has, there is another keyframe position.
-- section: saving
CREATE TABLE IF NOT EXISTS godwit_unsaved (
    keyframe_position INTEGER NOT NULL,
    fqid TEXT NOT NULL,
    level INTEGER NOT NULL,
    meta_position INTEGER NOT NULL,
    deleted INTEGER,
    data TEXT,
    updated TEXT
);

-- What imports remember, made by the first of them: per source its state,
-- which source key became which id, and what could not be imported.
-- section: import
CREATE TABLE IF NOT EXISTS godwit_import_sources (
    source TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS godwit_import_keys (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    id INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS godwit_import_ids
    ON godwit_import_keys (source, kind, id);

CREATE TABLE IF NOT EXISTS godwit_import_problems (
    source TEXT NOT NULL,
    step TEXT NOT NULL,
    reason TEXT NOT NULL,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    n INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (source, step, reason, collection, key)
) WITHOUT ROWID;
