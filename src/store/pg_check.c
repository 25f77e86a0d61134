/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the way of a run, read from the catalog: what a cutover would
 * not carry over, rights that are missing, settings that will hurt. */
#include <libpq-fe.h>

#include "store/pg_priv.h"

/* Each row of a query is one finding, in words. `t` are the tables that are
 * turned, with the columns that Godwit knows. */
#define TURNED                                                                 \
    "WITH t AS (SELECT to_regclass(name)::oid AS oid, known FROM (VALUES"      \
    " ('positions', ARRAY['position', 'timestamp', 'user_id', 'information',"  \
    " 'migration_index']), ('events', ARRAY['id', 'position', 'fqid', 'type'," \
    " 'data', 'weight']), ('models', ARRAY['fqid', 'data', 'deleted',"         \
    " 'updated']), ('id_sequences', ARRAY['collection', 'id']))"               \
    " AS v (name, known)) "

static const struct {
    gw_finding_kind kind;
    const char *sql;
} checks[] = {
    {GW_FINDING_INFO,
     "SELECT 'PostgreSQL ' || current_setting('server_version') || ', '"
     " || 'schema ' || current_schema()"},
    {GW_FINDING_INFO, TURNED
     "SELECT format('migrating needs about %s of disk beside the %s of the"
     " tables until discard, and as much of WAL passes through',"
     " pg_size_pretty(n), pg_size_pretty(n))"
     " FROM (SELECT sum(pg_total_relation_size(oid)) AS n FROM t) AS s"},

    {GW_FINDING_REFUSED, "SELECT 'the server is a standby: it can only be read'"
                         " WHERE pg_is_in_recovery()"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT DISTINCT format('the view %s depends on the table %s and would"
     " go on showing the old one; drop it before, make it again afterwards',"
     " r.ev_class::regclass, t.oid::regclass) FROM t"
     " JOIN pg_depend AS d ON d.refobjid = t.oid"
     " AND d.refclassid = 'pg_class'::regclass"
     " AND d.classid = 'pg_rewrite'::regclass"
     " JOIN pg_rewrite AS r ON r.oid = d.objid"
     " WHERE r.ev_class NOT IN (SELECT oid FROM t)"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the table %s has the rule %I, which a cutover does not"
     " carry over; drop it before, make it again afterwards',"
     " t.oid::regclass, r.rulename)"
     " FROM t JOIN pg_rewrite AS r ON r.ev_class = t.oid"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT DISTINCT format('the function %s depends on the table %s itself,"
     " not on its name; drop it before, make it again afterwards',"
     " d.objid::regprocedure, t.oid::regclass)"
     " FROM t JOIN pg_class AS c ON c.oid = t.oid"
     " JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass"
     " AND (d.refclassid, d.refobjid) IN"
     " (('pg_class'::regclass, t.oid), ('pg_type'::regclass, c.reltype))"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the table %s has row level security, which a cutover"
     " does not carry over; drop its policies and disable it before',"
     " t.oid::regclass) FROM t JOIN pg_class AS c ON c.oid = t.oid"
     " WHERE c.relrowsecurity"
     " OR EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = t.oid)"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the publication %I names the table %s; drop the table"
     " from it before, add it again afterwards', p.pubname, t.oid::regclass)"
     " FROM t JOIN pg_publication_rel AS r ON r.prrelid = t.oid"
     " JOIN pg_publication AS p ON p.oid = r.prpubid"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('rights are granted on the column %I of the table %s,"
     " which a cutover does not carry over; revoke them before, grant them"
     " again afterwards', a.attname, t.oid::regclass)"
     " FROM t JOIN pg_attribute AS a ON a.attrelid = t.oid"
     " WHERE a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the table %s has the column %I, which Godwit does not"
     " know and would lose', t.oid::regclass, a.attname)"
     " FROM t JOIN pg_attribute AS a ON a.attrelid = t.oid"
     " WHERE a.attnum > 0 AND NOT a.attisdropped"
     " AND a.attname <> ALL (t.known)"},
    {GW_FINDING_REFUSED,
     TURNED "SELECT DISTINCT format('the table %s is partitioned or inherits;"
            " Godwit knows plain tables only', t.oid::regclass)"
            " FROM t JOIN pg_class AS c ON c.oid = t.oid"
            " WHERE c.relkind <> 'r' OR EXISTS (SELECT 1 FROM pg_inherits"
            " WHERE inhrelid = t.oid OR inhparent = t.oid)"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the table %s has a replica identity of its own, which a"
     " cutover does not carry over; set it to DEFAULT before',"
     " t.oid::regclass) FROM t JOIN pg_class AS c ON c.oid = t.oid"
     " WHERE c.relreplident <> 'd'"},
    {GW_FINDING_REFUSED, TURNED
     "SELECT format('the primary key %I of the table %s is deferrable, so"
     " rows cannot be replaced by it; make it NOT DEFERRABLE', k.conname,"
     " t.oid::regclass) FROM t JOIN pg_constraint AS k ON k.conrelid = t.oid"
     " WHERE k.contype = 'p' AND k.condeferrable"
     " AND t.oid IN (to_regclass('models'), to_regclass('id_sequences'))"},

    {GW_FINDING_MISSING,
     "SELECT format('%I does not own the table %s', current_user,"
     " c.oid::regclass) FROM unnest(ARRAY['positions', 'events', 'models',"
     " 'id_sequences', 'migration_positions', 'migration_events',"
     " 'migration_keyframes']) AS name"
     " JOIN pg_class AS c ON c.oid = to_regclass(name)"
     " WHERE NOT pg_has_role(c.relowner, 'USAGE')"},
    {GW_FINDING_MISSING,
     "SELECT format('%I may not empty the table %s', current_user, name)"
     " FROM unnest(ARRAY['collectionfields', 'events_to_collectionfields'])"
     " AS name WHERE to_regclass(name) IS NOT NULL"
     " AND NOT has_table_privilege(to_regclass(name), 'TRUNCATE')"},
    {GW_FINDING_MISSING, TURNED
     "SELECT DISTINCT format('%I may not make tables and indexes in the"
     " tablespace %I, where those of %s are', current_user, s.spcname,"
     " t.oid::regclass) FROM t JOIN pg_class AS c ON c.oid = t.oid"
     " OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = t.oid)"
     " JOIN pg_tablespace AS s ON s.oid = c.reltablespace"
     " WHERE NOT has_tablespace_privilege(s.oid, 'CREATE')"},
    {GW_FINDING_MISSING,
     "SELECT format('%I may not create tables in the schema %I',"
     " current_user, current_schema()) WHERE NOT"
     " has_schema_privilege(current_schema(), 'CREATE')"},

    {GW_FINDING_WARNING,
     "SELECT format('PostgreSQL %s is newer than any that Godwit was tested"
     " with (13 to 17)', current_setting('server_version'))"
     " WHERE current_setting('server_version_num')::integer >= 180000"},
    {GW_FINDING_WARNING, TURNED
     "SELECT format('the foreign key %I of the table %s (about %s rows) is"
     " checked anew while writers are locked out', k.conname,"
     " k.conrelid::regclass, greatest(c.reltuples, 0)::bigint)"
     " FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid"
     " WHERE k.contype = 'f' AND k.confrelid IN (SELECT oid FROM t)"
     " AND k.conrelid NOT IN (SELECT oid FROM t)"
     " AND c.relname NOT IN ('collectionfields',"
     " 'events_to_collectionfields')"},
    {GW_FINDING_WARNING,
     "SELECT format('session %s of %s has a transaction open since %s; a"
     " cutover waits for it', pid, coalesce(usename, '?'),"
     " date_trunc('second', xact_start)) FROM pg_stat_activity"
     " WHERE datname = current_database() AND pid <> pg_backend_pid()"
     " AND xact_start < now() - interval '1 minute'"},
    {GW_FINDING_WARNING,
     "SELECT format('the prepared transaction %L is open; while it holds the"
     " tables there is no cutover', gid) FROM pg_prepared_xacts"
     " WHERE database = current_database()"},
    {GW_FINDING_WARNING,
     "SELECT format('the replication slot %I is not in use, so the server"
     " keeps all WAL that is written', slot_name) FROM pg_replication_slots"
     " WHERE NOT active"},
    {GW_FINDING_WARNING,
     "SELECT format('%s = %s%s: %s', s.name, s.setting, s.unit, v.what)"
     " FROM (VALUES ('max_wal_size', 1024, 'small, there will be many"
     " checkpoints'), ('maintenance_work_mem', 65536, 'small, building"
     " indexes takes longer'), ('shared_buffers', 16384, 'small, 128 MB and"
     " more are usual'), ('deadlock_timeout', 601, 'not above --lock-wait"
     " (600 ms), so a cutover may end a transaction of the application'))"
     " AS v (name, least, what) JOIN pg_settings AS s USING (name)"
     " WHERE s.setting::bigint < v.least"},
    {GW_FINDING_WARNING,
     "SELECT format('temp_file_limit = %s: building indexes may fail',"
     " current_setting('temp_file_limit'))"
     " WHERE current_setting('temp_file_limit') <> '-1'"},
    {GW_FINDING_WARNING,
     "SELECT format('%s sessions of %s are taken; three are needed',"
     " n, m) FROM (SELECT count(*) AS n FROM pg_stat_activity"
     " WHERE backend_type = 'client backend') AS a,"
     " (SELECT current_setting('max_connections')::integer -"
     " current_setting('superuser_reserved_connections')::integer AS m) AS b"
     " WHERE n + 2 > m"},
};

typedef struct walk {
    gw_finding_visit visit;
    void *arg;
} walk;

static gw_code
run_check(gw_pg_conn *conn, size_t which, const walk *w, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = gw_pg_take(conn, PQexec(conn->db, checks[which].sql),
                              "checking the store", &rows, err);

    for (int i = 0; code == GW_OK && i < PQntuples(rows); i++)
        code =
            w->visit(w->arg, checks[which].kind, gw_pg_text(rows, i, 0), err);
    PQclear(rows);
    return code;
}

gw_code
gw_pg_check(gw_store *store, bool only_refused, gw_finding_visit visit,
            void *arg, gw_error *err)
{
    gw_pg_conn *conn = gw_pg_reader(gw_pg_of(store));
    const walk w = {visit, arg};
    gw_code code = gw_pg_begin_view(conn, err);

    if (code != GW_OK)
        return code;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (code == GW_OK &&
            (!only_refused || checks[i].kind == GW_FINDING_REFUSED))
            code = run_check(conn, i, &w, err);
    }
    gw_pg_end_view(conn);
    return code;
}
