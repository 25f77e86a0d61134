/* SPDX-License-Identifier: Apache-2.0 */
/* Keyframes of all levels side by side: one slot per model, and per level a
 * page of statuses (always) and of cells (only where fields are kept).
 *
 * What a position changed is in a log, so that it can be taken back, and so
 * that one can ask how a model was when the position began. The log also
 * tells when two levels do the same to the same state: the result is then
 * made once and shared. What is made on its own is kept as the difference
 * from the level below, so that a level costs what it changes. */
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "event/keyframe_priv.h"

enum { NO_ENTRY = 0 };

/* ---- states, counted ---- */

static size_t
size_of(const gw_state *state)
{
    return sizeof(gw_state) + state->bytes + 16; /* malloc's own */
}

/* A state that nobody else has goes, and may take its base along. */
static void
release(gw_keyframes *kf, gw_state *state)
{
    for (gw_state *s = state; s != NULL && s->refs == 1; s = s->base) {
        size_t size = size_of(s);
        kf->state_bytes -= size < kf->state_bytes ? size : kf->state_bytes;
    }
    gw_state_release(state);
}

/* ---- life ---- */

gw_keyframes *
gw_keyframes_new(size_t levels,
                 gw_mask (*mask)(void *arg, size_t level, gw_slice collection),
                 void *arg, const gw_keyframe_backing *backing)
{
    gw_keyframes *kf = gw_calloc(1, sizeof(*kf));
    kf->levels = levels;
    kf->mask = mask;
    kf->mask_arg = arg;
    kf->index = gw_index_new();
    kf->level = gw_calloc(levels, sizeof(struct level));
    kf->loaded = gw_calloc(levels, sizeof(gw_model));
    kf->usual = gw_calloc(levels, sizeof(gw_model));
    kf->epoch = 1;
    gw_keyframes_set_backing(kf, backing);
    return kf;
}

void
gw_keyframes_set_backing(gw_keyframes *kf, const gw_keyframe_backing *backing)
{
    kf->has_backing = backing != NULL;
    if (backing != NULL) {
        kf->backing = *backing;
    }
}

static void
forget_changes(gw_keyframes *kf)
{
    for (size_t i = 0; i < kf->n_log; i++) {
        release(kf, (gw_state *)kf->log[i].before.state);
    }
    kf->n_log = 0;
    kf->epoch++;
}

static void
free_pages(gw_keyframes *kf)
{
    for (size_t l = 0; l < kf->levels; l++) {
        struct level *level = &kf->level[l];
        for (size_t p = 0; p < kf->pages; p++) {
            for (size_t i = 0; level->cells[p] != NULL && i < GW_KF_PAGE; i++) {
                gw_state_release(level->cells[p][i].state);
            }
            free(level->cells[p]);
            free(level->status[p]);
        }
        free(level->cells);
        free(level->status);
        *level = (struct level){0};
    }
    gw_keyframes_unlearn(kf);
    free(kf->slots);
    free(kf->dirty);
    kf->slots = NULL;
    kf->dirty = NULL;
    kf->pages = 0;
    kf->n_dirty = kf->room_dirty = 0;
    kf->state_bytes = kf->page_bytes = 0;
}

void
gw_keyframes_free(gw_keyframes *kf)
{
    if (kf == NULL) {
        return;
    }
    forget_changes(kf);
    free_pages(kf);
    gw_index_free(kf->index);
    free(kf->level);
    free(kf->loaded);
    free(kf->usual);
    free(kf->log);
    free(kf);
}

void
gw_keyframes_drop(gw_keyframes *kf)
{
    assert(kf->has_backing && kf->n_dirty == 0);
    forget_changes(kf);
    free_pages(kf);
    gw_index_free(kf->index);
    kf->index = gw_index_new();
    kf->recent_len = 0;
}

size_t
gw_keyframes_bytes(const gw_keyframes *kf)
{
    return kf->state_bytes + kf->page_bytes + gw_index_bytes(kf->index) +
           kf->room_log * sizeof(struct change) +
           kf->room_dirty * sizeof(uint32_t);
}

/* ---- slots ---- */

static void
add_page(gw_keyframes *kf)
{
    size_t p = kf->pages++;
    for (size_t l = 0; l < kf->levels; l++) {
        struct level *level = &kf->level[l];
        level->status =
            gw_realloc(level->status, kf->pages * sizeof(uint8_t *));
        level->cells =
            gw_realloc(level->cells, kf->pages * sizeof(struct cell *));
        level->status[p] = gw_calloc(GW_KF_PAGE, 1);
        level->cells[p] = NULL;
        kf->page_bytes += GW_KF_PAGE;
    }
    kf->slots =
        gw_realloc(kf->slots, kf->pages * GW_KF_PAGE * sizeof(*kf->slots));
    memset(kf->slots + p * GW_KF_PAGE, 0, GW_KF_PAGE * sizeof(*kf->slots));
    kf->page_bytes += GW_KF_PAGE * sizeof(*kf->slots);
}

const struct wanted *
gw_keyframes_wanted(const gw_keyframes *kf, size_t level, uint32_t slot)
{
    uint32_t c = gw_index_collection_of(kf->index, slot);
    return &kf->wanted[c * kf->levels + level];
}

gw_model
gw_keyframes_cell(const gw_keyframes *kf, size_t level, uint32_t slot)
{
    const struct level *l = &kf->level[level];
    const struct cell *page = l->cells[slot / GW_KF_PAGE];
    unsigned status = l->status[slot / GW_KF_PAGE][slot % GW_KF_PAGE];
    gw_model model = {
        .status = (gw_status)(status & GW_STATUS_MASK),
        .scalars = status >> GW_STATUS_BITS,
    };
    if (page != NULL) {
        model.meta_position = page[slot % GW_KF_PAGE].meta_position;
        model.state = page[slot % GW_KF_PAGE].state;
    }
    return model;
}

static const gw_state *
state_at(const gw_keyframes *kf, size_t level, uint32_t slot)
{
    const struct cell *page = kf->level[level].cells[slot / GW_KF_PAGE];
    return page != NULL ? page[slot % GW_KF_PAGE].state : NULL;
}

/* Takes the model's reference; the old state's reference stays with the
 * caller. */
static void
write_cell(gw_keyframes *kf, size_t level, uint32_t slot, const gw_model *model)
{
    struct level *l = &kf->level[level];
    struct cell **page = &l->cells[slot / GW_KF_PAGE];
    l->status[slot / GW_KF_PAGE][slot % GW_KF_PAGE] =
        (uint8_t)(model->status | model->scalars << GW_STATUS_BITS);
    if (*page == NULL && model->state != NULL) {
        *page = gw_calloc(GW_KF_PAGE, sizeof(struct cell));
        kf->page_bytes += GW_KF_PAGE * sizeof(struct cell);
    }
    if (*page != NULL) {
        (*page)[slot % GW_KF_PAGE] =
            (struct cell){model->meta_position, (gw_state *)model->state};
    }
}

/* A state below that is the one above was not saved by itself. */
static void
fit_levels(gw_keyframes *kf, uint32_t slot)
{
    for (size_t l = 0; l < kf->levels; l++) {
        gw_model *model = &kf->loaded[l];
        bool is_shared =
            l + 1 < kf->levels && model->state == kf->loaded[l + 1].state;
        gw_keyframes_fit(gw_keyframes_wanted(kf, l, slot), model,
                         !is_shared && model->state != NULL);
    }
}

/* Counts a state that was made for a level. Where it hardly differs from that
 * of the nearest whole level below, it is kept as the difference. Takes and
 * gives a reference. */
static gw_state *
adopt(gw_keyframes *kf, uint32_t slot, size_t level, gw_state *state)
{
    const gw_state *below = NULL;
    while (below == NULL && level-- > 0) {
        below = state_at(kf, level, slot);
        if (below != NULL && !gw_keyframes_wanted(kf, level, slot)->mask.all) {
            below = NULL; /* of so little nothing can be shared */
        }
    }
    if (below != NULL) {
        state = gw_state_like(state, below);
    }
    kf->state_bytes += size_of(state);
    return state;
}

/* Puts what the backing gave into a slot. */
static void
install(gw_keyframes *kf, uint32_t slot)
{
    const gw_state *last = NULL; /* as it came … */
    gw_state *kept = NULL;       /* … and as it is kept */

    fit_levels(kf, slot);
    for (size_t l = 0; l < kf->levels; l++) {
        gw_model *model = &kf->loaded[l];
        gw_state *state = (gw_state *)model->state;
        if (state != NULL && state == last) {
            gw_state_release(state);
            model->state = gw_state_retain(kept);
        } else if (state != NULL) {
            last = state;
            model->state = kept = adopt(kf, slot, l, state);
        }
        write_cell(kf, l, slot, model);
    }
}

static void
remember(gw_keyframes *kf, gw_slice fqid, uint32_t slot)
{
    if (fqid.len <= sizeof(kf->recent)) {
        memcpy(kf->recent, fqid.at, fqid.len);
        kf->recent_len = fqid.len;
        kf->recent_slot = slot;
    }
}

static gw_code
give_slot(gw_keyframes *kf, gw_slice fqid, uint32_t *slot, gw_error *err)
{
    gw_code code = gw_index_add(kf->index, fqid, slot, err);
    if (code != GW_OK) {
        return code;
    }
    if (*slot >= kf->pages * GW_KF_PAGE) {
        add_page(kf);
    }
    kf->slots[*slot].is_away = true;
    return GW_OK;
}

/* Fills a slot from the backing, or leaves it empty when there is none. */
static gw_code
fetch(gw_keyframes *kf, gw_slice fqid, uint32_t *slot, gw_error *err)
{
    gw_code code = GW_OK;
    memset(kf->loaded, 0, kf->levels * sizeof(gw_model));
    if (kf->has_backing) {
        code = kf->backing.load(kf->backing.self, fqid, kf->loaded, kf->levels,
                                err);
    }
    if (code == GW_OK && *slot == GW_NO_SLOT) {
        code = give_slot(kf, fqid, slot, err);
    }
    if (code == GW_OK) {
        code = gw_keyframes_learn(kf, err);
    }
    if (code != GW_OK) {
        gw_keyframes_forget(kf, kf->loaded);
        return code;
    }
    install(kf, *slot);
    kf->slots[*slot].is_away = false;
    return GW_OK;
}

/* The slot of an fqid, made when missing. */
static gw_code
slot_of(gw_keyframes *kf, gw_slice fqid, uint32_t *out, gw_error *err)
{
    if (fqid.len == kf->recent_len &&
        memcmp(fqid.at, kf->recent, fqid.len) == 0) {
        *out = kf->recent_slot;
        return GW_OK;
    }
    *out = gw_index_find(kf->index, fqid);
    if (*out == GW_NO_SLOT || kf->slots[*out].is_away) {
        gw_code code = fetch(kf, fqid, out, err);
        if (code != GW_OK) {
            return code;
        }
    }
    kf->slots[*out].is_used = true;
    remember(kf, fqid, *out);
    return GW_OK;
}

/* ---- letting go ---- */

/* Of a model without fields there is nothing to gain. */
static void
let_go(gw_keyframes *kf, uint32_t slot)
{
    const gw_model none = {0};
    bool has_fields = false;
    for (size_t l = 0; l < kf->levels; l++) {
        has_fields |= state_at(kf, l, slot) != NULL;
    }
    for (size_t l = 0; l < kf->levels && has_fields; l++) {
        release(kf, (gw_state *)state_at(kf, l, slot));
        write_cell(kf, l, slot, &none);
    }
    kf->slots[slot].is_away = has_fields;
}

/* Once around: what was used since the last time has another turn. */
static void
go_round(gw_keyframes *kf, size_t bytes)
{
    size_t n = gw_index_count(kf->index);
    for (size_t i = 0; i < n && gw_keyframes_bytes(kf) > bytes; i++) {
        uint32_t slot = kf->hand++ % (uint32_t)n;
        struct slot *s = &kf->slots[slot];
        if (s->is_used) {
            s->is_used = false;
        } else if (!s->is_dirty && !s->is_away) {
            let_go(kf, slot);
        }
    }
}

void
gw_keyframes_trim(gw_keyframes *kf, size_t bytes)
{
    if (!kf->has_backing) {
        return;
    }
    forget_changes(kf);
    kf->recent_len = 0;
    go_round(kf, bytes);
    go_round(kf, bytes);
    if (kf->n_dirty == 0 && gw_keyframes_bytes(kf) > bytes) {
        gw_keyframes_drop(kf); /* knowing of so many is too much */
    }
}

/* ---- applying ---- */

void
gw_keyframes_begin(gw_keyframes *kf, int64_t position)
{
    forget_changes(kf);
    kf->position = position;
}

static void
mark_dirty(gw_keyframes *kf, uint32_t slot)
{
    if (kf->slots[slot].is_dirty) {
        return;
    }
    if (kf->n_dirty == kf->room_dirty) {
        kf->room_dirty = kf->room_dirty * 2 + 1024;
        kf->dirty = gw_realloc(kf->dirty, kf->room_dirty * sizeof(uint32_t));
    }
    kf->slots[slot].is_dirty = true;
    kf->dirty[kf->n_dirty++] = slot;
}

static uint32_t
last_change(const gw_keyframes *kf, uint32_t slot)
{
    const struct slot *s = &kf->slots[slot];
    return s->epoch == kf->epoch ? s->last : NO_ENTRY;
}

static void
record(gw_keyframes *kf, uint32_t slot, size_t level, const gw_event *event,
       const gw_model *before, bool is_whole)
{
    if (kf->n_log == kf->room_log) {
        kf->room_log = kf->room_log * 2 + 64;
        kf->log = gw_realloc(kf->log, kf->room_log * sizeof(struct change));
    }
    kf->log[kf->n_log++] = (struct change){
        .slot = slot,
        .level = (uint32_t)level,
        .previous = last_change(kf, slot),
        .type = event->type,
        .is_whole = is_whole,
        .set = event->set.at,
        .cut = event->cut.at,
        .before = *before,
    };
    kf->slots[slot].epoch = kf->epoch;
    kf->slots[slot].last = (uint32_t)kf->n_log;
}

/* What level `level` holds after the change at `i`: the state before its
 * next change, or the present one. */
static gw_model
result_of(const gw_keyframes *kf, uint32_t i)
{
    const struct change *c = &kf->log[i];
    uint32_t later = 0;
    for (uint32_t at = last_change(kf, c->slot); at != i + 1;
         at = kf->log[at - 1].previous) {
        if (kf->log[at - 1].level == c->level) {
            later = at;
        }
    }
    return later != 0 ? kf->log[later - 1].before
                      : gw_keyframes_cell(kf, c->level, c->slot);
}

enum { LOOK_BACK = 16 };

/* Whether another level has already applied this event to this state. */
static bool
find_shared(const gw_keyframes *kf, uint32_t slot, const gw_event *event,
            const gw_model *before, gw_model *out)
{
    int looked = 0;
    for (uint32_t at = last_change(kf, slot);
         at != NO_ENTRY && looked < LOOK_BACK;
         at = kf->log[at - 1].previous, looked++) {
        const struct change *c = &kf->log[at - 1];
        if (c->is_whole && c->type == event->type && c->set == event->set.at &&
            c->cut == event->cut.at && c->before.state == before->state &&
            c->before.status == before->status) {
            gw_model after = result_of(kf, at - 1);
            if (after.state != NULL) {
                *out = after;
                gw_state_retain(out->state);
                return true;
            }
        }
    }
    return false;
}

gw_code
gw_keyframes_apply(gw_keyframes *kf, size_t level, const gw_event *event,
                   gw_error *err)
{
    uint32_t slot;
    gw_model after;
    gw_code code = slot_of(kf, event->fqid.text, &slot, err);
    if (code != GW_OK) {
        return code;
    }
    const gw_mask *mask = &gw_keyframes_wanted(kf, level, slot)->mask;
    gw_model before = gw_keyframes_cell(kf, level, slot);
    bool is_shared = mask->all && kf->levels > 1 &&
                     find_shared(kf, slot, event, &before, &after);
    if (!is_shared) {
        code = gw_model_after(&before, event, kf->position, mask, &after, err);
        if (code != GW_OK) {
            return code;
        }
        if (after.state != NULL && after.state != before.state) {
            after.state = adopt(kf, slot, level, (gw_state *)after.state);
        }
    }
    record(kf, slot, level, event, &before, mask->all);
    write_cell(kf, level, slot, &after);
    mark_dirty(kf, slot);
    return GW_OK;
}

void
gw_keyframes_undo(gw_keyframes *kf)
{
    for (size_t i = kf->n_log; i-- > 0;) {
        struct change *c = &kf->log[i];
        gw_model now = gw_keyframes_cell(kf, c->level, c->slot);
        write_cell(kf, c->level, c->slot, &c->before);
        release(kf, (gw_state *)now.state);
    }
    kf->n_log = 0; /* the references went back into the cells */
    kf->epoch++;
}

/* ---- asking ---- */

gw_code
gw_keyframes_get(gw_keyframes *kf, size_t level, gw_slice fqid, gw_model *out,
                 gw_error *err)
{
    uint32_t slot;
    gw_code code = slot_of(kf, fqid, &slot, err);
    if (code == GW_OK) {
        *out = gw_keyframes_cell(kf, level, slot);
    }
    return code;
}

gw_code
gw_keyframes_get_before(gw_keyframes *kf, size_t level, gw_slice fqid,
                        gw_model *out, gw_error *err)
{
    uint32_t slot;
    gw_code code = slot_of(kf, fqid, &slot, err);
    if (code != GW_OK) {
        return code;
    }
    *out = gw_keyframes_cell(kf, level, slot);
    for (uint32_t at = last_change(kf, slot); at != NO_ENTRY;
         at = kf->log[at - 1].previous) {
        if (kf->log[at - 1].level == level) {
            *out = kf->log[at - 1].before;
        }
    }
    return GW_OK;
}

static gw_code
fetch_listed(void *arg, gw_slice fqid, gw_error *err)
{
    uint32_t slot;
    return slot_of(arg, fqid, &slot, err);
}

static gw_code
fetch_collection(gw_keyframes *kf, gw_slice name, gw_error *err)
{
    gw_collection *c;
    gw_code code = gw_index_collection(kf->index, name, &c, err);
    if (code != GW_OK || c->is_listed || !kf->has_backing) {
        return code;
    }
    code = kf->backing.list(kf->backing.self, name, fetch_listed, kf, err);
    if (code == GW_OK) { /* the table may have moved */
        code = gw_index_collection(kf->index, name, &c, err);
    }
    if (code == GW_OK) {
        c->is_listed = true;
    }
    return code;
}

static bool
is_part_of(const gw_collection *c, gw_slice name)
{
    return gw_slice_equal(c->name, name) ||
           (c->is_wide && c->name.len > name.len &&
            memcmp(c->name.at, name.at, name.len) == 0 &&
            c->name.at[name.len] == '/');
}

gw_code
gw_keyframes_each(gw_keyframes *kf, gw_slice collection,
                  gw_code (*visit)(void *arg, gw_slice fqid, gw_error *err),
                  void *arg, gw_error *err)
{
    gw_code code = fetch_collection(kf, collection, err);
    char text[GW_LIMIT_FQID + 1];
    for (size_t i = 0; i < gw_index_collections(kf->index); i++) {
        const gw_collection *c = gw_index_collection_at(kf->index, i);
        if (!is_part_of(c, collection)) {
            continue;
        }
        for (size_t k = 0; code == GW_OK && k < c->n; k++) {
            code = visit(arg, gw_index_fqid(kf->index, c->slots[k], text), err);
        }
    }
    return code;
}
