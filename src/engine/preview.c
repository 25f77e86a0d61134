/* SPDX-License-Identifier: Apache-2.0 */
/* preview: the pipeline on live positions, shown instead of written. */
#include "base/limits.h"
#include "engine/pipeline.h"
#include "engine/plan.h"

struct preview {
    const gw_run *run;
    bool as_json;
    bool has_change; /* in the position at hand */
    gw_buf text;     /* what is to be printed of it */
};

static bool
has_same_data(const gw_event *a, const gw_event *b)
{
    gw_buf one = {0}, other = {0};
    if (a->set.at == b->set.at && a->set.n == b->set.n &&
        a->cut.at == b->cut.at && a->cut.n == b->cut.n) {
        return true;
    }
    gw_event_put_data(&one, a);
    gw_event_put_data(&other, b);
    bool is_same =
        gw_json_equal(gw_buf_as_slice(&one), gw_buf_as_slice(&other));
    gw_buf_clear(&one);
    gw_buf_clear(&other);
    return is_same;
}

/* A migration may give back an equal event that it made anew. */
static bool
is_same_event(const gw_event *a, const gw_event *b)
{
    return a->type == b->type && gw_slice_equal(a->fqid.text, b->fqid.text) &&
           has_same_data(a, b);
}

static bool
is_in(const gw_event *event, gw_events events)
{
    for (size_t i = 0; i < events.n; i++) {
        if (is_same_event(event, &events.at[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_changed(gw_events before, gw_events after)
{
    if (before.n != after.n) {
        return true;
    }
    for (size_t i = 0; i < before.n; i++) {
        if (!is_same_event(&before.at[i], &after.at[i])) {
            return true;
        }
    }
    return false;
}

static void
put_event_lines(gw_buf *text, gw_events events, gw_events other, char sign)
{
    for (size_t i = 0; i < events.n; i++) {
        const gw_event *event = &events.at[i];
        bool is_kept = is_in(event, other);
        if (is_kept && sign == '-') {
            continue; /* shown once, on the other side */
        }
        gw_buf_printf(text, "    %c %.*s %s ", is_kept ? ' ' : sign,
                      GW_FMT(event->fqid.text),
                      gw_event_type_name(event->type));
        gw_event_put_data(text, event);
        gw_buf_byte(text, '\n');
    }
}

static void
put_event_array(gw_buf *text, const char *name, gw_events events)
{
    gw_buf_printf(text, ",\"%s\":[", name);
    for (size_t i = 0; i < events.n; i++) {
        gw_buf_printf(text, "%s{\"fqid\":\"%.*s\",\"type\":\"%s\",\"data\":",
                      i == 0 ? "" : ",", GW_FMT(events.at[i].fqid.text),
                      gw_event_type_name(events.at[i].type));
        gw_event_put_data(text, &events.at[i]);
        gw_buf_byte(text, '}');
    }
    gw_buf_byte(text, ']');
}

static void
see_stage(void *arg, const gw_migration *m, int64_t position, gw_events before,
          gw_events after)
{
    struct preview *p = arg;
    if (!is_changed(before, after)) {
        return;
    }
    p->has_change = true;
    if (p->as_json) {
        gw_buf_printf(&p->text,
                      "{\"position\":%lld,\"migration\":", (long long)position);
        gw_json_put_string(&p->text, gw_slice_of(m->file));
        gw_buf_printf(&p->text, ",\"migration_index\":%lld",
                      (long long)m->index);
        put_event_array(&p->text, "before", before);
        put_event_array(&p->text, "after", after);
        gw_buf_text(&p->text, "}\n");
        return;
    }
    gw_buf_printf(&p->text, "  %s\n", m->file);
    put_event_lines(&p->text, before, after, '-');
    put_event_lines(&p->text, after, before, '+');
}

static void
print_lines(const struct preview *p)
{
    const char *at = p->text.at;
    const char *end = at + p->text.len;
    while (at < end && p->run->print != NULL) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        p->run->print(p->run->print_arg, (gw_slice){at, (size_t)(stop - at)});
        at = stop + 1;
    }
}

static gw_code
preview_batch(struct preview *p, gw_pipeline *pipeline, gw_batch *batch,
              int64_t from, int64_t *left, int64_t *after, gw_error *err)
{
    gw_code code = GW_OK;
    for (size_t i = 0; code == GW_OK && *left > 0 && i < batch->n; i++) {
        gw_position *position = &batch->positions[i];
        p->has_change = false;
        p->text.len = 0;
        if (!p->as_json) {
            gw_buf_printf(&p->text, "position %lld\n",
                          (long long)position->position);
        }
        *after = position->position;
        code = gw_pipeline_run(pipeline, &batch->arena, position, err);
        if (code == GW_OK && p->has_change && *after >= from) {
            print_lines(p);
            (*left)--;
        }
    }
    return code;
}

static gw_code
check_memory(const gw_run *run, gw_pipeline *pipeline, gw_error *err)
{
    size_t most =
        run->memory_bytes != 0 ? run->memory_bytes : GW_DEFAULT_MEMORY;
    size_t bytes = gw_keyframes_bytes(gw_pipeline_keyframes(pipeline));
    if (bytes <= most) {
        return GW_OK;
    }
    return gw_fail(err, GW_E_LIMIT,
                   "the models up to here take %zu bytes and %zu are "
                   "allowed; give more with --memory",
                   bytes, most);
}

static gw_code
preview_positions(struct preview *p, gw_pipeline *pipeline, int64_t from,
                  int64_t limit, gw_error *err)
{
    gw_batch batch;
    gw_code code = gw_pipeline_restart(pipeline, err);
    int64_t after = 0;
    gw_batch_init(&batch);
    while (code == GW_OK && limit > 0) {
        if (gw_run_is_stopped(p->run)) {
            code = gw_fail(err, GW_E_INTERRUPTED, "stopped");
            break;
        }
        code = gw_store_read(p->run->store, GW_GENERATION_LIVE, after, 0,
                             gw_store_batch(p->run->store), &batch, err);
        if (code != GW_OK || batch.n == 0) {
            break;
        }
        code = preview_batch(p, pipeline, &batch, from, &limit, &after, err);
        if (code == GW_OK) {
            code = check_memory(p->run, pipeline, err);
        }
    }
    gw_batch_clear(&batch);
    return code;
}

gw_code
gw_preview(const gw_run *run, int64_t from, int64_t limit, bool as_json,
           gw_error *err)
{
    gw_plan plan;
    gw_code code = gw_plan_make(run, false, &plan, err);
    if (code != GW_OK) {
        return code;
    }
    if (!plan.is_empty && plan.current > 0) {
        struct preview p = {.run = run, .as_json = as_json};
        gw_pipeline *pipeline =
            gw_pipeline_new(run->migrations, plan.current, NULL,
                            run->verbose ? run->print : NULL, run->print_arg);
        gw_pipeline_watch(pipeline, see_stage, &p);
        if (gw_pipeline_stages(pipeline) > 0) {
            code = preview_positions(&p, pipeline, from, limit, err);
        } else if (!as_json) {
            gw_run_print(run, "No event migrations are pending.");
        }
        gw_pipeline_free(pipeline);
        gw_buf_clear(&p.text);
    }
    gw_plan_clear(&plan);
    return code;
}
