/* SPDX-License-Identifier: Apache-2.0 */
/* Generations: which table stands where. Putting one in place of another is
 * renaming, of everything that has a name; see postgresql_schema.sql. */
#include <libpq-fe.h>

#include "store/pg_priv.h"

/* The sections one after the other. */
static gw_code
run_sections(gw_pg *s, const char *const *sections, size_t n, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < n && code == GW_OK; i++)
        code = gw_pg_section(&s->writer, sections[i], err);
    return code;
}

#define RUN_SECTIONS(s, names, err)                                            \
    run_sections((s), (names), sizeof(names) / sizeof((names)[0]), (err))

/* Tables of our own are made when they are first needed. */
static gw_code
ensure_own(gw_pg *s, gw_error *err)
{
    gw_pg_tables tables = {0};
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_tables_of(&s->writer, &tables, err);
    return code == GW_OK && (!tables.own || !tables.positions)
               ? gw_pg_section(&s->writer, "own", err)
               : code;
}

static void
forget_made(gw_pg *s, bool has_made)
{
    gw_sequences_clear(&s->made_ids);
    s->saved.len = s->levels.len = 0;
    s->is_first_save = true;
    s->has_made = has_made;
    s->has_saved = false;
    s->last_event = -1;
}

static gw_code
make(gw_pg *s, gw_error *err)
{
    static const char *const sections[] = {"unmake", "unsave", "make"};
    gw_code code = RUN_SECTIONS(s, sections, err);

    if (code == GW_OK)
        forget_made(s, true);
    return code;
}

gw_code
gw_pg_ensure_made(gw_pg *s, gw_error *err)
{
    gw_code code = gw_pg_writer_of(s, err);

    if (code != GW_OK || s->has_made)
        return code;
    code = ensure_own(s, err);
    return code == GW_OK ? make(s, err) : code;
}

/* ---- cutover and back ---- */

/* "prepare" finds everything done, unless an index was made meanwhile. */
static gw_code
turn(gw_pg *s, const char *which, gw_error *err)
{
    static const char *const sections[] = {"prepare", "turn"};
    gw_pg_params p = {0};

    gw_pg_add_text(&p, gw_slice_of(which));
    gw_code code = gw_pg_run(&s->writer, GW_PG_SET_TURN, &p, NULL, err);
    return code == GW_OK ? RUN_SECTIONS(s, sections, err) : code;
}

/* What goes with either turn besides the turned tables. */
static gw_code
clear_rest(gw_pg *s, gw_error *err)
{
    static const char *const sections[] = {"unmake", "drop_base"};
    gw_code code = RUN_SECTIONS(s, sections, err);

    if (code == GW_OK)
        code = gw_pg_run(&s->writer, GW_PG_DROP_RUN_STATE, NULL, NULL, err);
    if (code == GW_OK)
        code = gw_pg_run(&s->writer, GW_PG_UNSEAL, NULL, NULL, err);
    gw_sequences_clear(&s->live_ids);
    forget_made(s, false);
    s->newest = -1;
    return code;
}

/* The statistics too: the planner must not meet full tables that it takes
 * for empty. */
gw_code
gw_pg_prepare_swap(gw_store *store, gw_error *err)
{
    static const char *const sections[] = {"prepare", "analyze"};
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_begin(store, false, err);

    if (code != GW_OK)
        return code;
    code = gw_pg_ensure_made(s, err);
    if (code == GW_OK)
        code = RUN_SECTIONS(s, sections, err);
    if (code == GW_OK)
        return gw_pg_commit(store, err);
    gw_pg_abort(store);
    return code;
}

/* Files of the saved models' size: removing them takes its time, and nobody
 * looks at them after a swap. */
void
gw_pg_after_swap(gw_store *store)
{
    gw_error ignored;

    (void)!gw_pg_section(&gw_pg_of(store)->writer, "unsave", &ignored);
}

gw_code
gw_pg_swap(gw_store *store, gw_error *err)
{
    static const char *const before[] = {"clear_helpers", "drop_old"};
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_ensure_made(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    if (code == GW_OK)
        code = gw_pg_put_sequences(s, err);
    if (code == GW_OK)
        code = RUN_SECTIONS(s, before, err);
    if (code == GW_OK)
        code = turn(s, "swap", err);
    return code == GW_OK ? clear_rest(s, err) : code;
}

static gw_code
check_way_back(gw_pg *s, gw_error *err)
{
    gw_pg_tables tables = {0};
    int64_t sealed = 0;
    gw_code code = gw_pg_tables_of(&s->writer, &tables, err);

    if (code == GW_OK && (!tables.old || !tables.own))
        return gw_fail(err, GW_E_STATE,
                       "there is no old generation to go back to");
    if (code == GW_OK)
        code = gw_pg_ints(&s->writer, GW_PG_IS_SEALED, NULL, &sealed, 1, err);
    if (code == GW_OK && !sealed)
        return gw_fail(err, GW_E_STATE,
                       "positions were written since the cutover; going "
                       "back would lose them");
    return code;
}

gw_code
gw_pg_swap_back(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    if (code == GW_OK)
        code = check_way_back(s, err);
    if (code == GW_OK)
        code = gw_pg_section(&s->writer, "clear_helpers", err);
    if (code == GW_OK)
        code = turn(s, "back", err);
    return code == GW_OK ? clear_rest(s, err) : code;
}

gw_code
gw_pg_seal(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = ensure_own(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    if (code == GW_OK)
        code = gw_pg_section(&s->writer, "leave_out", err);
    return code == GW_OK ? gw_pg_run(&s->writer, GW_PG_SEAL, NULL, NULL, err)
                         : code;
}

gw_code
gw_pg_discard(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = ensure_own(s, err);

    if (code == GW_OK)
        code = gw_pg_section(&s->writer, "drop_old", err);
    return code == GW_OK ? gw_pg_run(&s->writer, GW_PG_UNSEAL, NULL, NULL, err)
                         : code;
}

/* ---- beginning again ---- */

gw_code
gw_pg_forget(gw_store *store, gw_error *err)
{
    static const char *const sections[] = {"unmake", "unsave", "drop_base"};
    gw_pg *s = gw_pg_of(store);
    gw_code code = ensure_own(s, err);

    if (code == GW_OK)
        code = RUN_SECTIONS(s, sections, err);
    if (code == GW_OK)
        code = gw_pg_run(&s->writer, GW_PG_DROP_RUN_STATE, NULL, NULL, err);
    forget_made(s, false);
    return code;
}

gw_code
gw_pg_cut_back(gw_store *store, const gw_run_state *state, gw_cut *out,
               gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    int64_t cut[3] = {0};

    gw_pg_add_int(&p, state->keyframe_position);
    gw_pg_add_int(&p, state->position);
    gw_code code = gw_pg_ensure_made(s, err);
    if (code == GW_OK)
        code = gw_pg_ints(&s->writer, GW_PG_CUT_BACK, &p, cut, 3, err);
    if (code == GW_OK)
        *out = (gw_cut){cut[0], cut[1], cut[2]};
    s->last_event = -1;
    return code;
}

gw_code
gw_pg_drop_base(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    return code == GW_OK ? gw_pg_section(&s->writer, "drop_base", err) : code;
}

gw_code
gw_pg_set_aside(gw_store *store, gw_error *err)
{
    static const char *const sections[] = {"set_aside", "make"};
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_ensure_made(s, err);

    if (code == GW_OK)
        code = RUN_SECTIONS(s, sections, err);
    if (code == GW_OK)
        forget_made(s, true);
    return code;
}

gw_code
gw_pg_clear_helpers(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    return code == GW_OK ? gw_pg_section(&s->writer, "clear_helpers", err)
                         : code;
}
