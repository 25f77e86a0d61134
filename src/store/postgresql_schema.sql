-- SPDX-License-Identifier: Apache-2.0
-- The tables of a store in PostgreSQL, in sections that are run one by one.
-- "live" is the schema of the OpenSlides 4 datastore. The rest never names
-- an index, a constraint, a sequence or a trigger of the live tables: what
-- there is is read from the catalog, so that any database of that kind is
-- found again after a cutover as it was, name by name.

-- The search path may name a schema that is still to be made.
-- section: schema
DO $schema$
BEGIN
    IF current_schema() IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', trim(both '" ' from
            split_part(current_setting('search_path'), ',', 1)));
    END IF;
END
$schema$;

-- section: live
CREATE TYPE event_type AS ENUM ('create', 'update', 'delete', 'deletefields',
    'listfields', 'restore');

CREATE TABLE positions (
    position integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    timestamp timestamptz NOT NULL,
    user_id integer,
    information json,
    migration_index integer NOT NULL
);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position integer NOT NULL REFERENCES positions (position)
        ON DELETE CASCADE,
    fqid varchar(48) NOT NULL,
    type event_type NOT NULL,
    data jsonb,
    weight integer NOT NULL
);
CREATE INDEX event_position_idx ON events (position);
CREATE INDEX event_fqid_idx ON events (fqid);
CREATE INDEX event_data_meeting_id ON events ((data->>'meeting_id'))
    WHERE data->>'meeting_id' IS NOT NULL;

CREATE TABLE models (
    fqid varchar(48) PRIMARY KEY,
    data jsonb NOT NULL,
    deleted boolean NOT NULL,
    updated timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE FUNCTION models_updated() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.updated = CURRENT_TIMESTAMP;
    RETURN NEW;
END
$body$;
CREATE TRIGGER models_updated_trigger BEFORE UPDATE ON models
    FOR EACH ROW EXECUTE FUNCTION models_updated();

CREATE TABLE id_sequences (
    collection varchar(32) PRIMARY KEY,
    id integer NOT NULL
);

CREATE TABLE collectionfields (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collectionfield varchar(255) UNIQUE NOT NULL,
    position integer NOT NULL REFERENCES positions (position)
);

CREATE TABLE events_to_collectionfields (
    event_id bigint NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    collectionfield_id bigint NOT NULL REFERENCES collectionfields (id)
        ON DELETE CASCADE,
    PRIMARY KEY (event_id, collectionfield_id)
);

CREATE TABLE migration_positions (
    position integer PRIMARY KEY,
    migration_index integer NOT NULL
);

CREATE TABLE migration_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position integer NOT NULL,
    fqid varchar(48) NOT NULL,
    type event_type NOT NULL,
    data jsonb,
    weight integer NOT NULL
);
CREATE INDEX migration_events_position_idx ON migration_events (position);

CREATE TABLE migration_keyframes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position integer NOT NULL,
    migration_index integer NOT NULL,
    UNIQUE (position, migration_index)
);

CREATE TABLE migration_keyframe_models (
    keyframe_id bigint NOT NULL REFERENCES migration_keyframes (id)
        ON DELETE CASCADE,
    fqid varchar(48) NOT NULL,
    data jsonb NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (keyframe_id, fqid)
);

-- section: own
CREATE TABLE IF NOT EXISTS godwit_store (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    schema_version integer NOT NULL,
    run_id text,
    run_holder text,
    sealed_position bigint,
    sealed_event bigint
);
INSERT INTO godwit_store (only_row, schema_version) VALUES (1, 1)
    ON CONFLICT (only_row) DO NOTHING;

CREATE TABLE IF NOT EXISTS godwit_run (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    start_index bigint NOT NULL,
    event_target bigint NOT NULL,
    position bigint NOT NULL,
    positions bigint NOT NULL,
    events bigint NOT NULL,
    events_written bigint NOT NULL,
    keyframe_position bigint NOT NULL,
    base_target bigint NOT NULL,
    base_position bigint NOT NULL,
    final_index bigint NOT NULL,
    checksums text
);

CREATE TABLE IF NOT EXISTS migration_positions (
    position integer PRIMARY KEY,
    migration_index integer NOT NULL
);

-- What migrate makes: tables like the live ones, empty. migration_events
-- becomes `events`; the application's table of that name waits meanwhile.
-- Indexes that hold no constraint are built by "index_events" and "prepare".
-- autovacuum would be in the way of the cutover.
-- section: make
DO $make$
DECLARE
    t record;
    i record;
    made oid;
    space text := current_setting('default_tablespace');
BEGIN
    IF to_regclass('migration_events') IS NOT NULL
       AND to_regclass('godwit_app_migration_events') IS NULL THEN
        ALTER TABLE migration_events RENAME TO godwit_app_migration_events;
    END IF;
    FOR t IN SELECT * FROM (VALUES
        ('positions', 'godwit_positions'), ('events', 'migration_events'),
        ('models', 'godwit_models'),
        ('id_sequences', 'godwit_id_sequences')) AS v (live, made)
    LOOP
        PERFORM set_config('default_tablespace', coalesce((SELECT s.spcname
            FROM pg_tablespace AS s JOIN pg_class AS c
            ON s.oid = c.reltablespace WHERE c.oid = to_regclass(t.live)),
            ''), true);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING'
            ' INDEXES) WITH (autovacuum_enabled = false)', t.made, t.live);
        made := to_regclass(t.made);
        -- LIKE makes every identity's sequence a bigint
        FOR i IN SELECT r.relname, q.seqmax, q.seqmin,
            format_type(q.seqtypid, NULL) AS type
            FROM pg_depend AS d
            JOIN pg_sequence AS q ON q.seqrelid = d.objid
            JOIN pg_depend AS e ON e.refobjsubid = d.refobjsubid
                AND e.classid = d.classid AND e.refclassid = d.refclassid
                AND e.refobjid = made
            JOIN pg_class AS r ON r.oid = e.objid AND r.relkind = 'S'
            WHERE d.classid = 'pg_class'::regclass
              AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = to_regclass(t.live)
        LOOP
            EXECUTE format('ALTER SEQUENCE %I AS %s MINVALUE %s MAXVALUE %s',
                i.relname, i.type, i.seqmin, i.seqmax);
        END LOOP;
        FOR i IN SELECT format('godwit_%s_%s_%s', made, c.oid,
                left(k.conname, 20)) AS name,
            pg_get_constraintdef(k.oid) AS definition,
            array_to_string(c.reloptions, ', ') AS options,
            coalesce(s.spcname, '') AS space
            FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conindid
            LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace
            WHERE k.conrelid = to_regclass(t.live)
              AND k.contype IN ('p', 'u', 'x')
        LOOP
            PERFORM set_config('default_tablespace', i.space, true);
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', t.made,
                i.name, i.definition);
            IF i.options IS NOT NULL THEN
                EXECUTE format('ALTER INDEX %I SET (%s)', i.name, i.options);
            END IF;
        END LOOP;
        FOR i IN SELECT pg_get_userbyid(relowner) AS owner FROM pg_class
            WHERE oid = to_regclass(t.live)
              AND pg_get_userbyid(relowner) <> current_user
        LOOP
            EXECUTE format('ALTER TABLE %I OWNER TO %I', t.made, i.owner);
        END LOOP;
    END LOOP;
    PERFORM set_config('default_tablespace', space, true);
END
$make$;
CREATE TABLE IF NOT EXISTS godwit_levels (
    fqid text NOT NULL,
    level integer NOT NULL,
    meta_position bigint NOT NULL,
    deleted boolean,
    data text,
    PRIMARY KEY (fqid, level)
);
-- saved models on their way into godwit_models and godwit_levels; level is
-- NULL for the former, deleted where there is no model any more
CREATE TABLE IF NOT EXISTS godwit_saving (
    fqid text NOT NULL,
    level integer,
    meta_position bigint,
    deleted boolean,
    data text
);

-- What reading migrated events wants: a few bytes for each run of pages, as
-- they come in the order of their positions. The application's own indexes
-- are cheaper once than row by row: see "prepare".
-- section: index_events
DO $index$
DECLARE
    made oid := to_regclass('migration_events');
    name text := 'godwit_' || made || '_range';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        PERFORM brin_summarize_new_values(to_regclass(name));
    ELSIF NOT EXISTS (SELECT 1 FROM pg_index AS x
        JOIN pg_attribute AS a ON a.attrelid = x.indrelid
            AND a.attnum = x.indkey[0]
        WHERE x.indrelid = made AND a.attname = 'position')
    THEN
        EXECUTE format('CREATE INDEX %I ON migration_events USING brin'
            ' (position) WITH (pages_per_range = 32)', name);
    END IF;
END
$index$;

-- Gives the made tables the indexes and constraints that the live ones have
-- and they have not. Takes the time that it takes; the application is not
-- concerned. When godwit.turn is 'back', the old tables are the made ones.
-- section: prepare
DO $prepare$
DECLARE
    back boolean := current_setting('godwit.turn', true) = 'back';
    t record;
    i record;
    made oid;
    space text := current_setting('default_tablespace');
BEGIN
    -- a table that waits for checks at commit cannot be altered
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR t IN SELECT v.live,
        CASE WHEN back THEN 'godwit_old_' || v.live ELSE v.made END AS made
        FROM (VALUES
        ('positions', 'godwit_positions'), ('events', 'migration_events'),
        ('models', 'godwit_models'),
        ('id_sequences', 'godwit_id_sequences')) AS v (live, made)
    LOOP
        made := to_regclass(t.made);
        FOR i IN
            WITH named AS (
                SELECT x.indexrelid, x.indrelid, c.relname, x.indisunique,
                    k.oid IS NOT NULL AS is_constraint, s.spcname,
                    coalesce(pg_get_constraintdef(k.oid), regexp_replace(
                        pg_get_indexdef(x.indexrelid), '^.*? USING ', ''))
                        AS definition
                FROM pg_index AS x
                JOIN pg_class AS c ON c.oid = x.indexrelid
                LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace
                LEFT JOIN pg_constraint AS k ON k.conindid = c.oid
                    AND k.conrelid = x.indrelid
                    AND k.contype IN ('p', 'u', 'x')
                WHERE x.indrelid IN (to_regclass(t.live), made)
            ), numbered AS (
                SELECT *, row_number() OVER (PARTITION BY indrelid,
                    definition, indisunique ORDER BY relname) AS number
                FROM named
            )
            SELECT CASE WHEN is_constraint
                    THEN 'ALTER TABLE %2$I ADD CONSTRAINT %1$I %3$s'
                    WHEN indisunique
                    THEN 'CREATE UNIQUE INDEX %1$I ON %2$I USING %3$s'
                    ELSE 'CREATE INDEX %1$I ON %2$I USING %3$s' END
                    AS statement,
                format('godwit_%s_%s_%s', made, a.indexrelid,
                    left(a.relname, 20)) AS name,
                a.definition, coalesce(a.spcname, '') AS space
            FROM numbered AS a
            WHERE a.indrelid = to_regclass(t.live)
              AND NOT EXISTS (SELECT 1 FROM numbered AS b
                  WHERE b.indrelid = made
                    AND b.definition = a.definition
                    AND b.indisunique = a.indisunique
                    AND b.number = a.number)
        LOOP
            PERFORM set_config('default_tablespace', i.space, true);
            EXECUTE format(i.statement, i.name, t.made, i.definition);
        END LOOP;
        FOR i IN SELECT conname FROM pg_constraint AS c
            WHERE c.conrelid = made AND c.contype IN ('f', 'c')
              AND NOT EXISTS (SELECT 1 FROM pg_constraint AS d
                  WHERE d.conrelid = to_regclass(t.live)
                    AND d.conname = c.conname)
        LOOP
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', t.made,
                i.conname);
        END LOOP;
        FOR i IN SELECT c.conname, pg_get_constraintdef(c.oid) AS definition
            FROM pg_constraint AS c
            WHERE c.conrelid = to_regclass(t.live)
              AND c.contype IN ('f', 'c')
              AND NOT EXISTS (SELECT 1 FROM pg_constraint AS d
                  WHERE d.conrelid = made AND d.conname = c.conname)
        LOOP
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', t.made,
                i.conname, replace(i.definition, ' REFERENCES positions(',
                    CASE WHEN back THEN ' REFERENCES godwit_old_positions('
                    ELSE ' REFERENCES godwit_positions(' END));
        END LOOP;
    END LOOP;
    PERFORM set_config('default_tablespace', space, true);
    made := to_regclass('migration_events');
    IF NOT back AND made IS NOT NULL THEN
        EXECUTE format('DROP INDEX IF EXISTS %I', 'godwit_' || made
            || '_range');
    END IF;
END
$prepare$;

-- section: analyze
ANALYZE godwit_positions;
ANALYZE migration_events;
ANALYZE godwit_models;
ANALYZE godwit_id_sequences;

-- Waits for what autovacuum does to the tables that a cutover takes in or
-- drops, which then ends, and keeps it from them.
-- section: keep
DO $keep$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['positions', 'events', 'models',
        'id_sequences', 'collectionfields', 'events_to_collectionfields',
        'migration_events', 'migration_positions', 'migration_keyframes',
        'godwit_positions', 'godwit_models', 'godwit_id_sequences',
        'godwit_levels', 'godwit_saving',
        'godwit_base_events', 'godwit_base_positions',
        'godwit_old_positions', 'godwit_old_events', 'godwit_old_models',
        'godwit_old_id_sequences']
    LOOP
        IF to_regclass(name) IS NOT NULL THEN
            EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE',
                name);
        END IF;
    END LOOP;
END
$keep$;

-- Puts the made tables in place of the live ones, which become the old
-- generation; or, when godwit.turn is 'back', the old ones in place of the
-- live ones, which are dropped. Names change hands: of tables, indexes (and
-- so constraints) and sequences. Triggers are made anew, foreign keys of
-- other tables are pointed at the new ones.
-- section: turn
DO $turn$
DECLARE
    back boolean := current_setting('godwit.turn') = 'back';
    live oid[] := ARRAY[to_regclass('positions')::oid,
        to_regclass('events')::oid, to_regclass('models')::oid,
        to_regclass('id_sequences')::oid];
    again text[] := '{}';
    statement text;
    t record;
    i record;
BEGIN
    FOR i IN SELECT conrelid::regclass AS holder, conname,
        pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE contype = 'f' AND confrelid = ANY (live)
          AND NOT conrelid = ANY (live)
    LOOP
        again := again || format('ALTER TABLE %s ADD CONSTRAINT %I %s',
            i.holder, i.conname, i.definition);
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', i.holder,
            i.conname);
    END LOOP;
    FOR t IN SELECT v.live,
        CASE WHEN back THEN 'godwit_old_' || v.live ELSE v.made END AS made,
        CASE WHEN back THEN 'godwit_drop_' ELSE 'godwit_old_' END || v.live
            AS old
        FROM (VALUES
        ('positions', 'godwit_positions'), ('events', 'migration_events'),
        ('models', 'godwit_models'),
        ('id_sequences', 'godwit_id_sequences')) AS v (live, made)
    LOOP
        -- triggers
        FOR i IN SELECT pg_get_triggerdef(a.oid) AS definition, a.tgname,
            CASE a.tgenabled WHEN 'D' THEN 'DISABLE'
                WHEN 'R' THEN 'ENABLE REPLICA'
                WHEN 'A' THEN 'ENABLE ALWAYS' END AS state
            FROM pg_trigger AS a
            WHERE a.tgrelid = to_regclass(t.live) AND NOT a.tgisinternal
              AND NOT EXISTS (SELECT 1 FROM pg_trigger AS b
                  WHERE b.tgrelid = to_regclass(t.made)
                    AND b.tgname = a.tgname)
        LOOP
            again := again || i.definition;
            IF i.state IS NOT NULL THEN
                again := again || format('ALTER TABLE %I %s TRIGGER %I',
                    t.live, i.state, i.tgname);
            END IF;
        END LOOP;
        -- indexes; those that live has not, or no longer, are dropped
        FOR i IN
            WITH named AS (
                SELECT x.indexrelid, x.indrelid, c.relname, x.indisunique,
                    k.oid IS NOT NULL AS is_constraint,
                    coalesce(pg_get_constraintdef(k.oid), regexp_replace(
                        pg_get_indexdef(x.indexrelid), '^.*? USING ', ''))
                        AS definition
                FROM pg_index AS x
                JOIN pg_class AS c ON c.oid = x.indexrelid
                LEFT JOIN pg_constraint AS k ON k.conindid = c.oid
                    AND k.conrelid = x.indrelid
                    AND k.contype IN ('p', 'u', 'x')
                WHERE x.indrelid IN (to_regclass(t.live),
                                     to_regclass(t.made))
            ), numbered AS (
                SELECT *, row_number() OVER (PARTITION BY indrelid,
                    definition, indisunique ORDER BY relname) AS number
                FROM named
            )
            SELECT a.indexrelid, a.relname AS live_name,
                b.relname AS made_name, CASE WHEN b.is_constraint
                THEN 'ALTER TABLE %2$I DROP CONSTRAINT %1$I'
                ELSE 'DROP INDEX %1$I' END AS drop
            FROM (SELECT * FROM numbered
                  WHERE indrelid = to_regclass(t.made)) AS b
            LEFT JOIN (SELECT * FROM numbered
                  WHERE indrelid = to_regclass(t.live)) AS a
                USING (definition, indisunique, number)
        LOOP
            IF i.live_name IS NULL THEN
                EXECUTE format(i.drop, i.made_name, t.made);
                CONTINUE;
            END IF;
            EXECUTE format('ALTER INDEX %I RENAME TO %I', i.live_name,
                'godwit_' || i.indexrelid || '_' || left(i.live_name, 40));
            EXECUTE format('ALTER INDEX %I RENAME TO %I', i.made_name,
                i.live_name);
        END LOOP;
        -- sequences
        FOR i IN SELECT s.oid AS live_oid, s.relname AS live_name,
            r.oid AS made_oid, r.relname AS made_name, a.attname
            FROM pg_depend AS d
            JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
            JOIN pg_attribute AS a ON a.attrelid = d.refobjid
                AND a.attnum = d.refobjsubid
            JOIN pg_depend AS e ON e.refobjsubid = d.refobjsubid
                AND e.classid = d.classid AND e.refclassid = d.refclassid
                AND e.refobjid = to_regclass(t.made)
            JOIN pg_class AS r ON r.oid = e.objid AND r.relkind = 'S'
            WHERE d.classid = 'pg_class'::regclass
              AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = to_regclass(t.live)
        LOOP
            IF NOT back THEN
                EXECUTE format('SELECT setval(%s::oid::regclass, g)'
                    ' FROM (SELECT greatest('
                    ' (SELECT CASE WHEN is_called THEN last_value'
                    '  ELSE last_value - 1 END FROM %I WHERE %L),'
                    ' (SELECT max(%I)::bigint FROM %I)) AS g) AS x'
                    ' WHERE g > 0', i.made_oid, i.live_name,
                    t.live = 'positions', i.attname, t.made);
            END IF;
            EXECUTE format('ALTER SEQUENCE %I RENAME TO %I', i.live_name,
                'godwit_' || i.live_oid || '_' || left(i.live_name, 40));
            EXECUTE format('ALTER SEQUENCE %I RENAME TO %I', i.made_name,
                i.live_name);
        END LOOP;
        -- rights, of the table and of its identities: no others than live
        FOR i IN
            WITH twins AS (
                SELECT 'TABLE' AS kind, to_regclass(t.live)::oid AS live,
                    to_regclass(t.made)::oid AS made
                UNION ALL
                SELECT 'SEQUENCE', d.objid, e.objid
                FROM pg_depend AS d JOIN pg_depend AS e
                    USING (classid, refclassid, refobjsubid, deptype)
                WHERE classid = 'pg_class'::regclass AND deptype = 'i'
                  AND refclassid = 'pg_class'::regclass
                  AND d.refobjid = to_regclass(t.live)
                  AND e.refobjid = to_regclass(t.made)
            ), rights AS (
                SELECT w.*, c.oid = w.live AS is_live, a.ordinality AS at,
                    a.privilege_type, a.is_grantable,
                    CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                        ELSE quote_ident(pg_get_userbyid(a.grantee)) END
                        AS grantee
                FROM twins AS w
                JOIN pg_class AS c ON c.oid IN (w.live, w.made),
                aclexplode(c.relacl) WITH ORDINALITY AS a
                WHERE a.grantee <> c.relowner
            )
            SELECT CASE WHEN is_live
                THEN format('GRANT %s ON %s %s TO %s%s', privilege_type, kind,
                    made::regclass, grantee, CASE WHEN is_grantable
                    THEN ' WITH GRANT OPTION' ELSE '' END)
                ELSE format('REVOKE ALL ON %s %s FROM %s CASCADE', kind,
                    made::regclass, grantee) END AS statement
            FROM rights ORDER BY is_live, made, at
        LOOP
            EXECUTE i.statement;
        END LOOP;
        -- a serial column's sequence belongs to whoever is live
        FOR i IN SELECT d.objid::regclass AS name, a.attname
            FROM pg_depend AS d
            JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
            JOIN pg_attribute AS a ON a.attrelid = d.refobjid
                AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a'
              AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = to_regclass(t.live)
        LOOP
            EXECUTE format('ALTER SEQUENCE %s OWNED BY %I.%I', i.name, t.made,
                i.attname);
        END LOOP;
        -- tables
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t.live, t.old);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t.made, t.live);
        IF NOT back THEN
            EXECUTE format('ALTER TABLE %I RESET (autovacuum_enabled)',
                t.live);
            FOR i IN SELECT array_to_string(reloptions, ', ') AS options
                FROM pg_class WHERE oid = to_regclass(t.old)
                AND reloptions IS NOT NULL
            LOOP
                EXECUTE format('ALTER TABLE %I SET (%s)', t.live,
                    i.options);
            END LOOP;
        END IF;
    END LOOP;
    FOREACH statement IN ARRAY again LOOP
        EXECUTE statement;
    END LOOP;
    IF back THEN
        DROP TABLE godwit_drop_events, godwit_drop_positions,
            godwit_drop_models, godwit_drop_id_sequences;
    END IF;
END
$turn$;

-- A session may have looked the sequence of positions up by its name and wait
-- for the lock on it: it will draw its number from the old one, after the
-- cutover. That goes on where the new one is, and the new one leaves out a
-- number for each session there can be. Not while nobody else is there.
-- section: leave_out
DO $leave_out$
DECLARE
    i record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND usesysid IS NOT NULL
          AND application_name IS DISTINCT FROM 'godwit') THEN
        RETURN;
    END IF;
    FOR i IN SELECT o.objid::regclass AS old, n.objid::regclass AS new,
        pg_sequence_last_value(n.objid) AS last, q.seqmax,
        q.seqcache * q.seqincrement
            * current_setting('max_connections')::bigint AS left_out
        FROM pg_depend AS o
        JOIN pg_depend AS n USING (classid, refclassid, refobjsubid)
        JOIN pg_sequence AS q ON q.seqrelid = n.objid
        WHERE classid = 'pg_class'::regclass
          AND refclassid = 'pg_class'::regclass
          AND o.refobjid = to_regclass('godwit_old_positions')
          AND n.refobjid = to_regclass('positions')
          AND o.objid IN (SELECT seqrelid FROM pg_sequence)
    LOOP
        CONTINUE WHEN i.last IS NULL; -- no number was ever drawn
        PERFORM setval(i.old, i.last);
        PERFORM setval(i.new, least(i.last + i.left_out, i.seqmax));
    END LOOP;
END
$leave_out$;

-- Drops what "make" made and is still there, and gives the application's
-- table its name back. A table that became live is not there any more.
-- section: unmake
DO $unmake$
BEGIN
    IF to_regclass('godwit_positions') IS NOT NULL THEN
        DROP TABLE migration_events, godwit_positions, godwit_models,
            godwit_id_sequences;
    END IF;
    IF to_regclass('godwit_app_migration_events') IS NOT NULL THEN
        ALTER TABLE godwit_app_migration_events RENAME TO migration_events;
    END IF;
    -- TRUNCATE waits even for readers: only where there is anything
    IF to_regclass('migration_events') IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM migration_events) THEN
            TRUNCATE migration_events;
        END IF;
    END IF;
    IF EXISTS (SELECT 1 FROM migration_positions) THEN
        TRUNCATE migration_positions;
    END IF;
    -- never Godwit's: the original handler left it
    IF to_regclass('migration_keyframes') IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM migration_keyframes) THEN
            TRUNCATE migration_keyframes CASCADE;
        END IF;
    END IF;
END
$unmake$;

-- section: unsave
DROP TABLE IF EXISTS godwit_levels, godwit_saving;

-- section: drop_base
DROP TABLE IF EXISTS godwit_base_events;
DROP TABLE IF EXISTS godwit_base_positions;

-- What an older base still has to say goes behind what was made since; then
-- that is the base.
-- section: set_aside
DO $aside$
BEGIN
    IF to_regclass('godwit_base_positions') IS NOT NULL THEN
        INSERT INTO migration_events (id, position, fqid, type, data, weight)
            OVERRIDING SYSTEM VALUE
            SELECT (SELECT coalesce(max(id), 0) FROM migration_events)
                + row_number() OVER (ORDER BY position, id),
                position, fqid, type, data, weight
            FROM godwit_base_events WHERE position >
                (SELECT coalesce(max(position), 0) FROM migration_positions)
            ORDER BY position, id;
        INSERT INTO migration_positions (position, migration_index)
            SELECT position, migration_index FROM godwit_base_positions
            WHERE position >
                (SELECT coalesce(max(position), 0) FROM migration_positions);
        DROP TABLE godwit_base_events, godwit_base_positions;
    END IF;
    ALTER TABLE migration_events RENAME TO godwit_base_events;
    FOR i IN 1..1 LOOP
        EXECUTE coalesce((SELECT string_agg(
            format('ALTER TABLE godwit_base_events DROP CONSTRAINT %I;',
                conname), '') FROM pg_constraint
            WHERE conrelid = to_regclass('godwit_base_events')
              AND contype = 'f'), '');
    END LOOP;
    CREATE TABLE godwit_base_positions (
        position integer PRIMARY KEY,
        migration_index integer NOT NULL
    );
    INSERT INTO godwit_base_positions (position, migration_index)
        SELECT position, migration_index FROM migration_positions;
    TRUNCATE migration_positions;
    DROP TABLE godwit_positions, godwit_models, godwit_id_sequences;
    DROP TABLE IF EXISTS godwit_levels, godwit_saving;
END
$aside$;

-- section: drop_old
DROP TABLE IF EXISTS godwit_old_events;
DROP TABLE IF EXISTS godwit_old_positions;
DROP TABLE IF EXISTS godwit_old_models;
DROP TABLE IF EXISTS godwit_old_id_sequences;

-- section: clear_helpers
DO $helpers$
BEGIN
    IF to_regclass('events_to_collectionfields') IS NOT NULL THEN
        TRUNCATE events_to_collectionfields, collectionfields;
    END IF;
END
$helpers$;

-- What imports remember, made by the first of them: per source its state,
-- which source key became which id, and what could not be imported.
-- section: import
CREATE TABLE IF NOT EXISTS godwit_import_sources (
    source text COLLATE "C" PRIMARY KEY,
    state text NOT NULL
);

CREATE TABLE IF NOT EXISTS godwit_import_keys (
    source text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    seen bigint NOT NULL,
    mark bigint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (source, kind, key)
);
CREATE INDEX IF NOT EXISTS godwit_import_ids
    ON godwit_import_keys (source, kind, id);

CREATE TABLE IF NOT EXISTS godwit_import_problems (
    source text COLLATE "C" NOT NULL,
    step text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    n bigint NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (source, step, reason, collection, key)
);
