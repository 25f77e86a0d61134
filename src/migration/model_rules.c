/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of "type": "model": a model goes through the same operations as a
 * create event of all its fields would; what comes out different becomes one
 * update request, in which a field of null is deleted. Models that are
 * deleted are not touched. */
#include "migration/rules_priv.h"

typedef struct model_job {
    const gw_rules *rules;
    const gw_rule_collection *collection;
    gw_reader *reader;
    gw_event_list *out;
    gw_arena scratch; /* one model's */
} model_job;

/* White space and the order of keys are no change, 1 to 1.0 is one. */
static bool
is_same_value(gw_slice a, gw_slice b)
{
    gw_buf canonical_a = {0}, canonical_b = {0};

    if (gw_slice_equal(a, b))
        return true;
    if (!gw_json_equal(a, b))
        return false;
    gw_json_put_canonical(&canonical_a, a);
    gw_json_put_canonical(&canonical_b, b);

    bool same = gw_slice_equal(gw_buf_as_slice(&canonical_a),
                               gw_buf_as_slice(&canonical_b));
    gw_buf_clear(&canonical_a);
    gw_buf_clear(&canonical_b);
    return same;
}

static gw_slice
value_of(gw_fields fields, gw_slice key)
{
    ptrdiff_t at = gw_fields_find(fields, key);

    if (at < 0)
        return (gw_slice){0};
    return fields.at[at].value;
}

/* Only fields that a rule touches can differ. */
static gw_fields
differences(const gw_rule_collection *collection, gw_arena *arena,
            gw_fields before, gw_fields after)
{
    gw_values touched = collection->touched;
    gw_fields out = {GW_ARENA_NEW(arena, gw_field, touched.n + 1), 0};

    for (size_t i = 0; i < touched.n; i++) {
        gw_slice old = value_of(before, touched.at[i]);
        gw_slice new = value_of(after, touched.at[i]);

        if (!old.at && !new.at)
            continue;
        if (old.at && new.at && is_same_value(old, new))
            continue;
        out.at[out.n++] = (gw_field){
            touched.at[i], new.at ? gw_arena_dup(arena, new) : GW_LIT("null")};
    }
    return out;
}

static gw_code
run_rules(const model_job *job, gw_rewrite *w, gw_error *err)
{
    const gw_rule *rules = job->rules->at;

    for (uint32_t i = job->collection->first; i != GW_RULE_NONE;
         i = rules[i].next) {
        if (rules[i].where && !gw_filter_matches(rules[i].where, w->event.set))
            continue;

        gw_code code = rules[i].op->apply(&rules[i], w, err);
        if (code != GW_OK) {
            gw_fail_prefix(err, "%s: rule %u (%s): ", job->rules->file, i + 1,
                           rules[i].op->name);
            return code;
        }
    }
    return GW_OK;
}

static gw_code
visit_model(void *arg, const gw_read_model *model, gw_error *err)
{
    model_job *job = arg;

    if (model->deleted)
        return GW_OK;
    gw_arena_reset(&job->scratch);

    gw_rewrite w = {
        .arena = &job->scratch,
        .event = {.type = GW_EVENT_CREATE,
                  .fqid = model->fqid,
                  .set = model->fields},
    };
    gw_code code = run_rules(job, &w, err);
    if (code != GW_OK || !w.changed)
        return code;

    gw_event request = {
        .type = GW_EVENT_UPDATE,
        .fqid = model->fqid,
        .set = differences(job->collection, job->reader->arena, model->fields,
                           w.event.set),
    };
    if (request.set.n > 0) {
        request.fqid.text = gw_arena_dup(job->reader->arena, model->fqid.text);
        gw_event_list_add(job->out, &request);
    }
    return GW_OK;
}

gw_code
gw_model_rules_migrate(void *self, gw_reader *reader, gw_event_list *out,
                       gw_error *err)
{
    model_job job = {.rules = self, .reader = reader, .out = out};
    gw_code code = GW_OK;

    gw_arena_init(&job.scratch);
    for (size_t i = 0; code == GW_OK && i < job.rules->n_collections; i++) {
        job.collection = &job.rules->collections[i];
        code = reader->ops->each(reader, job.collection->name, visit_model,
                                 &job, err);
    }
    gw_arena_clear(&job.scratch);
    return code;
}
