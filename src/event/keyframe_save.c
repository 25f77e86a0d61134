/* SPDX-License-Identifier: Apache-2.0 */
/* Saving keyframes, and what is not worth a row each: of a level that only
 * looks for lists, what most models of a collection have. That is decided with
 * the first save, and saved as a model that has the collection's name for its
 * fqid. A field that holds no list is saved as 0, whatever it holds. */
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

unsigned
gw_keyframes_scalars(const struct wanted *wanted, const gw_state *saved)
{
    unsigned scalars = 0;
    if (!wanted->mask.only_lists) {
        return 0;
    }
    if (saved == NULL) {
        return wanted->usual;
    }
    for (size_t i = 0; i < wanted->mask.n; i++) {
        gw_slice value = gw_state_get(saved, wanted->mask.fields[i]);
        if (value.at != NULL && value.at[0] != '[') {
            scalars |= 1U << i;
        }
    }
    return scalars;
}

static gw_state *
state_of(const gw_mask *mask, unsigned scalars)
{
    gw_field at[GW_MASK_LISTS];
    gw_fields fields = {at, 0};
    for (size_t i = 0; i < mask->n; i++) {
        if ((scalars >> i & 1) != 0) {
            at[fields.n++] = (gw_field){mask->fields[i], GW_LIT("0")};
        }
    }
    return gw_state_new(fields);
}

/* ---- what is usual ---- */

/* The backing's model of a collection's name, if there is one. */
static gw_code
load_usual(gw_keyframes *kf, const gw_collection *c, gw_error *err)
{
    memset(kf->usual, 0, kf->levels * sizeof(gw_model));
    return kf->has_backing && !c->is_wide
               ? kf->backing.load(kf->backing.self, c->name, kf->usual,
                                  kf->levels, err)
               : GW_OK;
}

static gw_slice
name_of(const gw_collection *c)
{
    const char *slash = memchr(c->name.at, '/', c->name.len);
    return slash == NULL ? c->name
                         : (gw_slice){c->name.at, (size_t)(slash - c->name.at)};
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
        struct wanted *wanted = &kf->wanted[kf->n_wanted++ * kf->levels];
        for (size_t l = 0; l < kf->levels; l++) {
            gw_mask mask = kf->mask(kf->mask_arg, l, name_of(c));
            mask.only_lists = mask.only_lists && mask.n <= GW_MASK_LISTS;
            wanted[l] = (struct wanted){mask, 0};
            if (kf->usual[l].state != NULL) {
                wanted[l].usual =
                    gw_keyframes_scalars(&wanted[l], kf->usual[l].state);
            }
        }
        gw_keyframes_forget(kf, kf->usual);
    }
    return GW_OK;
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
 * was usual then. */
static gw_code
decide_usual(gw_keyframes *kf, size_t collection, write_fn write, void *arg,
             gw_error *err)
{
    const gw_collection *c = gw_index_collection_at(kf->index, collection);
    gw_saved_model saved = {c->name, kf->levels, kf->usual};
    bool is_some = false;
    memset(kf->usual, 0, kf->levels * sizeof(gw_model));
    for (size_t l = 0; l < kf->levels && !c->is_wide; l++) {
        struct wanted *wanted = &kf->wanted[collection * kf->levels + l];
        if (wanted->mask.only_lists) {
            wanted->usual = most_common(kf, c, l);
            kf->usual[l].status = GW_STATUS_ALIVE;
            kf->usual[l].state = state_of(&wanted->mask, wanted->usual);
            is_some = true;
        }
    }
    gw_code code = is_some ? write(arg, &saved, err) : GW_OK;
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

/* A model as it is saved; `made` gets the states that are not its own. */
static void
look_at(const gw_keyframes *kf, uint32_t slot, gw_model *models, gw_model *made)
{
    for (size_t l = 0; l < kf->levels; l++) {
        const struct wanted *wanted = gw_keyframes_wanted(kf, l, slot);
        models[l] = gw_keyframes_cell(kf, l, slot);
        if (wanted->mask.only_lists && models[l].status != GW_STATUS_NONE &&
            models[l].scalars != wanted->usual) {
            made[l].state = state_of(&wanted->mask, models[l].scalars);
            models[l].state = made[l].state;
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
