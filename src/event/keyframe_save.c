/* SPDX-License-Identifier: Apache-2.0 */
/* Saving keyframes, and what is not worth a row each: of a level that only
 * looks for lists, what most models of a collection have. That is decided with
 * the first save, and saved as a model that has the collection's name for its
 * fqid, with the fields that it is about: a migration's text may be edited, and
 * what was saved for the old one (`before`) must mean the same. A field that
 * holds no list is saved as 0, whatever it holds. */
#include <stdlib.h>

#include "event/keyframe_priv.h"

void
gw_keyframes_forget(const gw_keyframes *kf, gw_model *models)
{
    for (size_t l = 0; l < kf->levels; l++) {
        gw_state_release((gw_state *)models[l].state);
        models[l] = (gw_model){0};
    }
}

/* ---- fields that hold no list ---- */

static bool
is_list(gw_slice value)
{
    return value.at[0] == '[';
}

static unsigned
scalars_of(const gw_mask *mask, const gw_state *state)
{
    unsigned scalars = 0;
    for (size_t i = 0; i < mask->n; i++) {
        gw_slice value = gw_state_get(state, mask->fields[i]);
        if (value.at != NULL && !is_list(value)) {
            scalars |= 1U << i;
        }
    }
    return scalars;
}

/* A state of those fields, and of the others, when all are told, as lists. */
static gw_state *
state_of(const gw_mask *mask, unsigned scalars, bool all)
{
    gw_field at[GW_MASK_LISTS];
    gw_fields fields = {at, 0};
    for (size_t i = 0; i < mask->n; i++) {
        bool is_scalar = (scalars >> i & 1) != 0;
        if (is_scalar || all) {
            at[fields.n++] = (gw_field){mask->fields[i],
                                        is_scalar ? GW_LIT("0") : GW_LIT("[]")};
        }
    }
    return gw_state_new(fields);
}

void
gw_keyframes_fit(const struct wanted *wanted, gw_model *model, bool is_own)
{
    const gw_mask *mask = &wanted->mask;
    bool is_there = model->status != GW_STATUS_NONE;
    if (!is_own && is_there && wanted->before != NULL) {
        gw_state_release((gw_state *)model->state);
        model->state = gw_state_copy(wanted->before);
        is_own = true;
    }
    if (is_there && mask->only_lists) {
        model->scalars = is_own || wanted->is_told
                             ? scalars_of(mask, model->state)
                             : wanted->usual;
    }
    if (!mask->all && (!is_own || mask->n == 0 || mask->only_lists)) {
        gw_state_release((gw_state *)model->state);
        model->state = NULL;
    }
}

/* ---- what is usual ---- */

/* The backing's model of a collection's name, if there is one. */
static gw_code
load_usual(gw_keyframes *kf, const gw_collection *c, gw_error *err)
{
    memset(kf->usual, 0, kf->levels * sizeof(gw_model));
    return kf->has_backing && kf->levels > 1 && !c->is_wide
               ? kf->backing.load(kf->backing.self, c->name, kf->usual,
                                  kf->levels, err)
               : GW_OK;
}

/* Whether what is usual was written down for the same fields. */
static bool
is_for(const gw_state *usual, const gw_mask *mask)
{
    bool is_same = mask->only_lists && gw_state_count(usual) == mask->n;
    for (size_t i = 0; is_same && i < mask->n; i++) {
        is_same = gw_state_get(usual, mask->fields[i]).at != NULL;
    }
    return is_same;
}

static gw_slice
name_of(const gw_collection *c)
{
    const char *slash = memchr(c->name.at, '/', c->name.len);
    return slash == NULL ? c->name
                         : (gw_slice){c->name.at, (size_t)(slash - c->name.at)};
}

/* A collection that has come after the first save, or whose ids are so long
 * that they make it one, has nothing usual. */
static struct wanted
want(const gw_keyframes *kf, const gw_collection *c, size_t level)
{
    gw_mask mask = kf->mask(kf->mask_arg, level, name_of(c));
    const gw_state *usual = kf->usual[level].state;
    mask.only_lists = mask.only_lists && mask.n > 0 && mask.n <= GW_MASK_LISTS;
    struct wanted wanted = {.mask = mask};
    if (usual != NULL && is_for(usual, &mask)) {
        wanted.usual = scalars_of(&mask, usual);
    } else if (usual != NULL) {
        wanted.before = gw_state_copy(usual);
        wanted.is_told = true;
    } else if (mask.only_lists) {
        wanted.is_told = kf->has_backing || c->is_wide;
    }
    return wanted;
}

static void
make_room(gw_keyframes *kf)
{
    if (kf->n_wanted == kf->room_wanted) {
        kf->room_wanted = kf->room_wanted * 2 + 16;
        kf->wanted = gw_realloc(kf->wanted, kf->room_wanted * kf->levels *
                                                sizeof(struct wanted));
    }
}

gw_code
gw_keyframes_learn(gw_keyframes *kf, gw_error *err)
{
    while (kf->n_wanted < gw_index_collections(kf->index)) {
        const gw_collection *c =
            gw_index_collection_at(kf->index, kf->n_wanted);
        gw_code code = load_usual(kf, c, err);
        if (code != GW_OK) {
            return code;
        }
        make_room(kf);
        for (size_t l = 0; l < kf->levels; l++) {
            kf->wanted[kf->n_wanted * kf->levels + l] = want(kf, c, l);
        }
        kf->n_wanted++;
        gw_keyframes_forget(kf, kf->usual);
    }
    return GW_OK;
}

void
gw_keyframes_unlearn(gw_keyframes *kf)
{
    for (size_t i = 0; i < kf->n_wanted * kf->levels; i++) {
        gw_state_release(kf->wanted[i].before);
    }
    free(kf->wanted);
    kf->wanted = NULL;
    kf->n_wanted = kf->room_wanted = 0;
}

/* What most models of a collection have at a level. */
static unsigned
most_common(const gw_keyframes *kf, const gw_collection *c, size_t level)
{
    size_t counts[1 << GW_MASK_LISTS] = {0};
    unsigned most = 0;
    for (size_t i = 0; i < c->n; i++) {
        gw_model model = gw_keyframes_cell(kf, level, c->slots[i]);
        if (model.status != GW_STATUS_NONE &&
            ++counts[model.scalars] > counts[most]) {
            most = model.scalars;
        }
    }
    return most;
}

typedef gw_code (*write_fn)(void *arg, const gw_saved_model *model,
                            gw_error *err);

/* Before the first save: afterwards models may be saved that are told by what
 * was usual then. Of what an earlier run may have left, which did not come to
 * the end of its first save, nothing stays. */
static gw_code
decide_usual(gw_keyframes *kf, size_t collection, write_fn write, void *arg,
             gw_error *err)
{
    const gw_collection *c = gw_index_collection_at(kf->index, collection);
    gw_saved_model saved = {c->name, kf->levels, kf->usual};
    memset(kf->usual, 0, kf->levels * sizeof(gw_model));
    for (size_t l = 0; l < kf->levels; l++) {
        struct wanted *wanted = &kf->wanted[collection * kf->levels + l];
        if (wanted->mask.only_lists && !wanted->is_told) {
            wanted->usual = most_common(kf, c, l);
            kf->usual[l].status = GW_STATUS_ALIVE;
            kf->usual[l].state = state_of(&wanted->mask, wanted->usual, true);
        }
    }
    gw_code code = c->is_wide ? GW_OK : write(arg, &saved, err);
    gw_keyframes_forget(kf, kf->usual);
    return code;
}

static gw_code
decide_all(gw_keyframes *kf, write_fn write, void *arg, gw_error *err)
{
    gw_code code = GW_OK;
    for (size_t c = 0; code == GW_OK && c < kf->n_wanted; c++) {
        code = decide_usual(kf, c, write, arg, err);
    }
    return code;
}

/* ---- saving ---- */

/* In the order in which they came to be, near which a store keeps them. */
static int
compare_slots(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Fields that level `l` of a model is saved with instead of its own, or NULL;
 * `wanted` is of that level, those above follow. A level that nobody looks at
 * is as the one above. */
static gw_state *
told_fields(const struct wanted *wanted, const gw_model *models, size_t l,
            size_t levels)
{
    bool is_unusual =
        wanted->mask.only_lists && models[l].scalars != wanted->usual;
    if (models[l].status == GW_STATUS_NONE ||
        (!wanted->is_told && !is_unusual)) {
        return NULL;
    }
    for (; !wanted->mask.all && wanted->mask.n == 0 && l + 1 < levels; l++) {
        wanted++;
    }
    if (wanted->mask.only_lists) {
        return state_of(&wanted->mask, models[l].scalars, false);
    }
    return models[l].state != NULL ? gw_state_copy(models[l].state)
                                   : gw_state_new((gw_fields){0});
}

/* A model as it is saved; `told` gets the states that are not its own. */
static void
look_at(const gw_keyframes *kf, uint32_t slot, gw_model *models, gw_model *told)
{
    for (size_t l = kf->levels; l-- > 0;) {
        models[l] = gw_keyframes_cell(kf, l, slot);
        told[l].state = told_fields(gw_keyframes_wanted(kf, l, slot), models, l,
                                    kf->levels);
        if (told[l].state != NULL) {
            models[l].state = told[l].state;
        }
    }
}

static gw_code
save_all(gw_keyframes *kf, gw_model *models, write_fn write, void *arg,
         gw_error *err)
{
    char text[GW_LIMIT_FQID + 1];
    gw_code code = GW_OK;
    memset(kf->usual, 0, kf->levels * sizeof(gw_model));
    for (size_t i = 0; code == GW_OK && i < kf->n_dirty; i++) {
        gw_saved_model saved = {gw_index_fqid(kf->index, kf->dirty[i], text),
                                kf->levels, models};
        look_at(kf, kf->dirty[i], models, kf->usual);
        code = write(arg, &saved, err);
        gw_keyframes_forget(kf, kf->usual);
    }
    return code;
}

gw_code
gw_keyframes_save(gw_keyframes *kf,
                  gw_code (*write)(void *arg, const gw_saved_model *model,
                                   gw_error *err),
                  void *arg, gw_error *err)
{
    gw_model *models = gw_calloc(kf->levels, sizeof(gw_model));
    gw_code code = kf->has_backing ? GW_OK : decide_all(kf, write, arg, err);

    if (kf->n_dirty > 1) {
        qsort(kf->dirty, kf->n_dirty, sizeof(uint32_t), compare_slots);
    }
    if (code == GW_OK) {
        code = save_all(kf, models, write, arg, err);
    }
    for (size_t i = 0; code == GW_OK && i < kf->n_dirty; i++) {
        kf->slots[kf->dirty[i]].is_dirty = false;
    }
    kf->n_dirty = code == GW_OK ? 0 : kf->n_dirty;
    free(models);
    return code;
}
