/* SPDX-License-Identifier: Apache-2.0 */
/* The two lists that come whole: into a file as they arrive, then judged.
 * Their ids are cut at a dash, but their order is that of the real ids. */
#include <stdlib.h>

#include "source/wukongim_priv.h"

/* A list under way. */
typedef struct fetching {
    gw_wk_list *list;
    gw_list *parser;
    gw_arena arena;
    gw_code code; /* our own failure: no use in asking again */
    gw_error err;
} fetching;

static gw_code
fail_own(fetching *f, gw_code code, gw_error *err)
{
    f->code = code;
    f->err = *err;
    return code;
}

/* Where the real id is kept, NULs and all. */
static uint8_t
slot_of(gw_arena *arena, gw_slice id)
{
    size_t n = 0, width = sizeof(GW_LIST_NUL) - 1;

    if (!gw_wk_holds_nul(id))
        return gw_wk_slot(id);
    char *real = gw_arena_alloc(arena, id.len);
    for (size_t i = 0; i < id.len; n++) {
        bool is_nul =
            id.len - i >= width && memcmp(id.at + i, GW_LIST_NUL, width) == 0;
        real[n] = is_nul ? '\0' : id.at[i];
        i += is_nul ? width : 1;
    }
    return gw_wk_slot((gw_slice){real, n});
}

static gw_code
add_row(void *arg, gw_slice object, gw_error *err)
{
    fetching *f = arg;
    gw_wk_list *l = f->list;
    gw_fields fields;
    gw_code code;

    gw_arena_reset(&f->arena);
    code = gw_json_object(&f->arena, object, &fields, err);
    if (code != GW_OK)
        return code;
    gw_slice id = gw_wk_text(&f->arena, fields, l->id_member);
    if (!id.at)
        return gw_fail(err, GW_E_INPUT, "a row has no `%s`", l->id_member);
    if (l->n == GW_LIMIT_SOURCE_ROWS)
        return fail_own(
            f, gw_fail(err, GW_E_LIMIT, "the list has too many rows"), err);
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 4096;
        l->slots = gw_realloc(l->slots, l->room);
    }
    l->slots[l->n++] = slot_of(&f->arena, id);
    code = gw_rows_add(&l->rows, object, err);
    return code == GW_OK ? code : fail_own(f, code, err);
}

static gw_code
take_piece(void *arg, gw_slice bytes, gw_error *err)
{
    fetching *f = arg;

    return gw_list_feed(f->parser, bytes, err);
}

/* Before each try: from the beginning. */
static void
begin_again(void *arg)
{
    fetching *f = arg;

    gw_list_free(f->parser);
    f->parser = gw_list_new(add_row, f);
    f->list->n = 0;
    if (f->code == GW_OK)
        f->code = gw_rows_empty(&f->list->rows, &f->err);
}

static gw_code
ask(gw_wk *wk, const char *path, fetching *f, gw_error *err)
{
    gw_ask ask = {.is_long = true,
                  .is_vital = true,
                  .again = begin_again,
                  .again_arg = f};
    gw_error problem;
    gw_code code = GW_OK;

    gw_buf_text(&ask.path, path);
    gw_buf_text(&ask.body, "");
    (void)gw_buf_cstr(&ask.body);
    ask.item.request.take = take_piece;
    ask.item.request.take_arg = f;
    ask.item.request.answer_bytes = SIZE_MAX;
    gw_ask_send(&wk->asker, &ask);
    while (code == GW_OK) {
        code = gw_ask_wait(&wk->asker, &ask, err);
        if (code != GW_OK || ask.state == GW_ASK_REFUSED || f->code != GW_OK ||
            gw_list_end(f->parser, &problem) == GW_OK)
            break;
        code = gw_ask_again(&wk->asker, &ask, problem.text, err);
    }
    if (code == GW_OK && f->code != GW_OK) {
        *err = f->err;
        code = f->code;
    } else if (code == GW_OK && ask.state == GW_ASK_REFUSED) {
        code = gw_fail(err, GW_E_SOURCE, "POST %s: %.*s", path,
                       GW_FMT(gw_buf_as_slice(&ask.refusal)));
    }
    gw_ask_clear(&wk->asker, &ask);
    return code;
}

/* ---- walking ---- */

static gw_code
next_row(gw_wk_list *list, gw_wk_row *row, bool *has, gw_error *err)
{
    gw_slice text;
    gw_code code = gw_rows_next(&list->rows, &text, has, err);

    if (code != GW_OK || !*has)
        return code;
    row->trust = list->verdicts[list->at];
    row->number = ++list->at;
    return gw_json_object(row->arena, gw_arena_dup(row->arena, text),
                          &row->fields, err);
}

static gw_code
rewind_list(gw_wk_list *list, gw_error *err)
{
    list->at = 0;
    return gw_rows_rewind(&list->rows, err);
}

gw_code
gw_wk_list_walk(gw_wk_list *list, gw_wk_row_visit visit, void *arg,
                bool *is_at_end, gw_error *err)
{
    gw_arena arena = {0};
    bool has = true, go_on = true;
    gw_code code = is_at_end ? GW_OK : rewind_list(list, err);

    while (code == GW_OK && has && go_on) {
        gw_wk_row row = {.arena = &arena};
        gw_arena_reset(&arena);
        code = next_row(list, &row, &has, err);
        if (code == GW_OK && has)
            code = visit(arg, &row, &go_on, err);
    }
    gw_arena_clear(&arena);
    if (is_at_end)
        *is_at_end = !has;
    else if (code == GW_OK)
        code = rewind_list(list, err);
    return code;
}

/* ---- judging ---- */

/* The key that a row would have if its id were the real one. */
static void
put_key(const gw_wk_list *l, const gw_wk_row *row, gw_buf *out)
{
    out->len = 0;
    gw_buf_slice(out, gw_wk_text(row->arena, row->fields, l->id_member));
    gw_buf_byte(out, '-');
    gw_buf_int(out, gw_wk_int(row->fields, l->number_member, 0));
}

typedef struct judging {
    gw_wk_list *list;
    gw_buf last, key;
    size_t last_at;
} judging;

static gw_code
judge_key(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    judging *j = arg;
    gw_wk_list *l = j->list;
    size_t at = row->number - 1;

    (void)go_on;
    (void)err;
    if (row->trust == GW_TRUST_BREAKS)
        return GW_OK;
    put_key(l, row, &j->key);
    if (j->last.len > 0 && l->slots[j->last_at] == l->slots[at] &&
        gw_slice_compare(gw_buf_as_slice(&j->last), gw_buf_as_slice(&j->key)) >=
            0)
        l->verdicts[j->last_at] = l->verdicts[at] = GW_TRUST_AMBIGUOUS;
    gw_buf swap = j->last;
    j->last = j->key;
    j->key = swap;
    j->last_at = at;
    return GW_OK;
}

/* Within a slot, keys ascend. Where two rows do not, one is mangled. */
static gw_code
judge_keys(gw_wk_list *l, gw_error *err)
{
    judging j = {.list = l};
    gw_code code = gw_wk_list_walk(l, judge_key, &j, NULL, err);

    gw_buf_clear(&j.last);
    gw_buf_clear(&j.key);
    return code;
}

gw_code
gw_wk_list_fetch(gw_wk *wk, const char *path, const char *id_member,
                 const char *number_member, gw_wk_list *out, gw_error *err)
{
    fetching f = {.list = out};

    *out = (gw_wk_list){.id_member = id_member, .number_member = number_member};
    gw_code code = ask(wk, path, &f, err);
    gw_list_free(f.parser);
    gw_arena_clear(&f.arena);
    if (code == GW_OK) {
        out->verdicts = gw_malloc(out->n + 1);
        gw_trust_judge(out->slots, out->n, out->verdicts);
        code = judge_keys(out, err);
    }
    if (code != GW_OK)
        gw_wk_list_clear(out);
    return code;
}

void
gw_wk_list_clear(gw_wk_list *list)
{
    gw_rows_clear(&list->rows);
    free(list->slots);
    free(list->verdicts);
    *list = (gw_wk_list){0};
}
