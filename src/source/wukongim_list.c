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
    l->slots[l->n++] = gw_wk_slot(id);
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
    gw_ask ask = {.is_long = true, .again = begin_again, .again_arg = f};
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
        code = gw_fail(err, GW_E_SOURCE, "POST %s: 400 %.*s", path,
                       GW_FMT(gw_buf_as_slice(&ask.message)));
    }
    gw_ask_clear(&wk->asker, &ask);
    return code;
}

/* ---- judging ---- */

/* The key that a row would have if its id were the real one. */
static void
put_key(const gw_wk_list *l, gw_arena *arena, gw_fields fields, gw_buf *out)
{
    out->len = 0;
    gw_buf_slice(out, gw_wk_text(arena, fields, l->id_member));
    gw_buf_byte(out, '-');
    gw_buf_int(out, gw_wk_int(fields, l->number_member, 0));
}

/* Within a slot, keys ascend. Where two rows do not, one is mangled. */
static gw_code
judge_keys(gw_wk_list *l, gw_error *err)
{
    gw_arena arena = {0};
    gw_buf last = {0}, key = {0};
    size_t last_at = 0;
    bool has = true;
    gw_code code = gw_rows_rewind(&l->rows, err);

    l->at = 0;
    while (code == GW_OK) {
        gw_fields fields;
        gw_trust trust;
        gw_arena_reset(&arena);
        code = gw_wk_list_next(l, &arena, &fields, &trust, &has, err);
        if (code != GW_OK || !has)
            break;
        if (trust == GW_TRUST_BREAKS)
            continue;
        size_t at = l->at - 1;
        put_key(l, &arena, fields, &key);
        if (last.len > 0 && l->slots[last_at] == l->slots[at] &&
            gw_slice_compare(gw_buf_as_slice(&last), gw_buf_as_slice(&key)) >=
                0)
            l->verdicts[last_at] = l->verdicts[at] = GW_TRUST_AMBIGUOUS;
        gw_buf swap = last;
        last = key;
        key = swap;
        last_at = at;
    }
    gw_buf_clear(&last);
    gw_buf_clear(&key);
    gw_arena_clear(&arena);
    l->at = 0;
    return code == GW_OK ? gw_rows_rewind(&l->rows, err) : code;
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

gw_code
gw_wk_list_next(gw_wk_list *list, gw_arena *arena, gw_fields *out,
                gw_trust *trust, bool *has, gw_error *err)
{
    gw_slice row;
    gw_code code = gw_rows_next(&list->rows, &row, has, err);

    if (code != GW_OK || !*has)
        return code;
    *trust = list->verdicts[list->at++];
    return gw_json_object(arena, gw_arena_dup(arena, row), out, err);
}

void
gw_wk_list_clear(gw_wk_list *list)
{
    gw_rows_clear(&list->rows);
    free(list->slots);
    free(list->verdicts);
    *list = (gw_wk_list){0};
}
