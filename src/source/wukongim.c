/* SPDX-License-Identifier: Apache-2.0 */
/* The source "wukongim": its questions and their answers, and which step
 * does what. */
#include <inttypes.h>
#include <stdlib.h>

#include "source/wukongim_priv.h"

/* ---- the server ---- */

/* Refusals that say something for good. */
static bool
is_final(gw_slice message)
{
    return gw_slice_equal(message, GW_LIT("slot not found")) ||
           gw_slice_equal(message, GW_LIT("baseOffset not found"));
}

static void
advise(gw_buf *out, int status, gw_slice path)
{
    if (status == 401)
        gw_buf_text(out, ": the source wants its managerToken; give it with "
                         "--token-file");
    else if (status == 403)
        gw_buf_text(out, ": this machine is on the source's IP blacklist");
    else if (status == 404 && path.len > 9 &&
             memcmp(path.at, "/migrate/", 9) == 0)
        gw_buf_text(out, ": the source's migrate API is off; set "
                         "migrateApiOn and restart it");
    else if (status == 404)
        gw_buf_text(out, ": this is no WuKongIM v1.2.5 or newer");
}

/* Any slot will do: no name of a topic keeps an answer from being JSON. */
static void
put_control(gw_buf *path, gw_buf *body, uint64_t random)
{
    gw_buf_text(path, "/migrate/topics");
    gw_buf_printf(body, "{\"slot\":%u}", (unsigned)(random % GW_WK_SLOTS));
}

static gw_code
load_texts(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    gw_texts *texts = arg;

    (void)row;
    (void)err;
    (void)gw_texts_add(texts, gw_arena_dup(texts->arena, key));
    return GW_OK;
}

static gw_code
load_kept(gw_wk *wk, gw_error *err)
{
    gw_store *store = wk->im->run->store;
    gw_import_kind commas = {wk->im->source, GW_WK_COMMA};
    gw_import_kind cuts = {wk->im->source, GW_WK_CUT};
    gw_code code = gw_importing_begin(wk->im, err);

    if (code == GW_OK)
        code = gw_import_keys(store, &commas, (gw_slice){0}, (gw_slice){0},
                              INT32_MAX, load_texts, &wk->comma_uids, err);
    if (code == GW_OK)
        code = gw_import_keys(store, &cuts, (gw_slice){0}, (gw_slice){0},
                              INT32_MAX, load_texts, &wk->cut_names, err);
    return code;
}

static void
close_wk(void *self)
{
    gw_wk *wk = self;

    gw_asker_close(&wk->asker);
    gw_arena_clear(&wk->commas);
    gw_arena_clear(&wk->cuts);
    free(wk);
}

static gw_code
open_wk(gw_importing *im, void **self, gw_error *err)
{
    gw_wk *wk = gw_calloc(1, sizeof(*wk));

    wk->im = im;
    gw_arena_init(&wk->commas);
    gw_arena_init(&wk->cuts);
    gw_texts_init(&wk->comma_uids, &wk->commas);
    gw_texts_init(&wk->cut_names, &wk->cuts);
    wk->is_complete = !im->options->only_step;
    wk->asker = (gw_asker){
        .is_final = is_final, .advise = advise, .control = put_control};
    gw_code code = gw_asker_open(&wk->asker, im, err);
    if (code == GW_OK)
        code = load_kept(wk, err);
    if (code != GW_OK)
        close_wk(wk);
    else
        *self = wk;
    return code;
}

/* ---- questions ---- */

void
gw_wk_ask_lists(gw_wk *wk, gw_ask *ask, int64_t type, gw_slice id)
{
    ask->path.len = ask->body.len = ask->label.len = 0;
    gw_buf_text(&ask->path, "/migrate/channel");
    gw_buf_text(&ask->body, "{\"channel_id\":");
    gw_json_put_string(&ask->body, id);
    gw_buf_printf(&ask->body, ",\"channel_type\":%" PRId64 "}", type);
    gw_buf_printf(&ask->label, "channel %" PRId64 "-%.*s", type, GW_FMT(id));
    gw_ask_send(&wk->asker, ask);
}

void
gw_wk_ask_newest(gw_wk *wk, gw_ask *ask, int64_t type, gw_slice id)
{
    ask->path.len = ask->label.len = 0;
    gw_buf_clear(&ask->body);
    gw_buf_text(&ask->path, "/channel/max_message_seq?channel_id=");
    gw_fetch_put_escaped(&ask->path, id);
    gw_buf_printf(&ask->path, "&channel_type=%" PRId64, type);
    gw_buf_printf(&ask->label, "channel %" PRId64 "-%.*s", type, GW_FMT(id));
    gw_ask_send(&wk->asker, ask);
}

/* What cannot be read is a try that failed. */
static gw_code
not_there(gw_wk *wk, gw_ask *ask, const gw_error *problem, bool *is_there,
          gw_error *err)
{
    gw_buf why = {0};

    *is_there = false;
    gw_buf_printf(&why, "the answer is cut or no JSON (%s)", problem->text);
    gw_code code = gw_ask_again(&wk->asker, ask, gw_buf_cstr(&why), err);
    gw_buf_clear(&why);
    return code;
}

gw_code
gw_wk_read_object(gw_wk *wk, gw_ask *ask, gw_fields *out, bool *is_there,
                  gw_error *err)
{
    gw_error problem;

    gw_arena_reset(&ask->arena);
    *is_there = true;
    ask->has_nul = gw_wk_replace_nuls(&ask->item.answer.body);
    if (gw_json_object(&ask->arena, gw_ask_body(ask), out, &problem) == GW_OK)
        return GW_OK;
    return not_there(wk, ask, &problem, is_there, err);
}

gw_code
gw_wk_read_array(gw_wk *wk, gw_ask *ask, gw_values *out, bool *is_there,
                 gw_error *err)
{
    gw_error problem;

    gw_arena_reset(&ask->arena);
    *is_there = true;
    ask->has_nul = gw_wk_replace_nuls(&ask->item.answer.body);
    if (gw_json_array(&ask->arena, gw_ask_body(ask), out, &problem) == GW_OK)
        return GW_OK;
    return not_there(wk, ask, &problem, is_there, err);
}

gw_code
gw_wk_read_newest(gw_wk *wk, gw_ask *ask, int64_t *out, bool *is_there,
                  gw_error *err)
{
    gw_error problem;
    gw_fields fields;
    gw_code code = gw_wk_read_object(wk, ask, &fields, is_there, err);

    if (code != GW_OK || !*is_there)
        return code;
    *out = gw_wk_int(fields, "message_seq", -1);
    if (*out >= 0 && *out <= GW_WK_MOST_SEQ)
        return GW_OK;
    (void)gw_fail(&problem, GW_E_INPUT, "`message_seq` is no such number");
    return not_there(wk, ask, &problem, is_there, err);
}

/* ---- members of objects ---- */

gw_slice
gw_wk_field(gw_fields fields, gw_slice name)
{
    ptrdiff_t at = gw_fields_find(fields, name);

    if (at < 0 || gw_json_kind_of(fields.at[at].value) == GW_JSON_NULL)
        return (gw_slice){0};
    return fields.at[at].value;
}

gw_slice
gw_wk_member(gw_fields fields, const char *name)
{
    return gw_wk_field(fields, gw_slice_of(name));
}

gw_slice
gw_wk_text(gw_arena *arena, gw_fields fields, const char *name)
{
    gw_slice raw = gw_wk_member(fields, name);

    if (!raw.at || gw_json_kind_of(raw) != GW_JSON_STRING)
        return (gw_slice){0};
    return gw_json_string(arena, raw);
}

int64_t
gw_wk_int(gw_fields fields, const char *name, int64_t otherwise)
{
    gw_slice raw = gw_wk_member(fields, name);
    int64_t n;

    return raw.at && gw_json_int(raw, &n) ? n : otherwise;
}

bool
gw_wk_is_texts(gw_arena *arena, gw_slice raw)
{
    gw_values values;
    gw_error ignored;

    if (gw_json_kind_of(raw) != GW_JSON_ARRAY ||
        gw_json_array(arena, raw, &values, &ignored) != GW_OK)
        return false;
    for (size_t i = 0; i < values.n; i++)
        if (gw_json_kind_of(values.at[i]) != GW_JSON_STRING)
            return false;
    return true;
}

/* ---- steps ---- */
static gw_code
step(void *self, gw_step which, gw_error *err)
{
    static gw_code (*const steps[])(gw_wk * wk, gw_error * err) = {
        [GW_STEP_USER] = gw_wk_step_user,
        [GW_STEP_CHANNEL] = gw_wk_step_channel,
        [GW_STEP_MESSAGE] = gw_wk_step_message,
        [GW_STEP_CONVERSATION] = gw_wk_step_conversation,
        [GW_STEP_CLEANUP] = gw_wk_step_cleanup,
    };

    return steps[which](self, err);
}

const gw_source gw_source_wukongim = {
    .name = "wukongim",
    .open = open_wk,
    .close = close_wk,
    .step = step,
    .tally = gw_wk_tally,
    .differing = gw_wk_differing,
};
