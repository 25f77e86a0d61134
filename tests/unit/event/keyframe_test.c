/* SPDX-License-Identifier: Apache-2.0 */
/* Keyframes: levels, undo, masks, saving and fetching again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/keyframe.h"

static const gw_slice only_x[] = {{"x", 1}};

/* level 0 keeps field x only, the others everything */
static gw_mask
some_mask(void *arg, size_t level, gw_slice collection)
{
    (void)arg, (void)collection;
    return level == 0 ? (gw_mask){.fields = only_x, .n = 1}
                      : (gw_mask){.all = true};
}

static gw_mask
full_mask(void *arg, size_t level, gw_slice collection)
{
    (void)arg, (void)level, (void)collection;
    return (gw_mask){.all = true};
}

static gw_code
apply(gw_keyframes *kf, size_t level, const char *fqid, const char *type,
      const char *data, gw_arena *arena)
{
    gw_event event;
    gw_code code = gw_event_parse(arena, gw_slice_of(fqid), gw_slice_of(type),
                                  gw_slice_of(data), &event, NULL);
    return code == GW_OK ? gw_keyframes_apply(kf, level, &event, NULL) : code;
}

static int64_t
field_of(gw_keyframes *kf, size_t level, const char *fqid, const char *key)
{
    gw_model model;
    int64_t value = -1;
    assert_int_equal(
        gw_keyframes_get(kf, level, gw_slice_of(fqid), &model, NULL), 0);
    (void)gw_json_int(gw_state_get(model.state, gw_slice_of(key)), &value);
    return value;
}

static gw_status
status_of(gw_keyframes *kf, size_t level, const char *fqid)
{
    gw_model model;
    assert_int_equal(
        gw_keyframes_get(kf, level, gw_slice_of(fqid), &model, NULL), 0);
    return model.status;
}

static void
undo_takes_back_a_whole_position_at_all_levels(void **state)
{
    (void)state;
    gw_arena arena;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"v\":1}", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/1", "create", "{\"v\":10}", &arena), 0);
    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"v\":2}", &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"v\":3}", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/1", "delete", "null", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/2", "create", "{}", &arena), 0);

    gw_keyframes_undo(kf);

    assert_int_equal(field_of(kf, 0, "a/1", "v"), 1);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 10);
    assert_int_equal(status_of(kf, 1, "a/1"), GW_STATUS_ALIVE);
    assert_int_equal(status_of(kf, 1, "a/2"), GW_STATUS_NONE);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
before_is_the_model_as_the_position_began(void **state)
{
    (void)state;
    gw_arena arena;
    gw_model model;
    int64_t v = 0;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(1, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"v\":1}", &arena), 0);
    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"v\":2}", &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"v\":3}", &arena), 0);

    assert_int_equal(
        gw_keyframes_get_before(kf, 0, GW_LIT("a/1"), &model, NULL), 0);

    assert_true(gw_json_int(gw_state_get(model.state, GW_LIT("v")), &v));
    assert_int_equal(v, 1);
    assert_int_equal(field_of(kf, 0, "a/1", "v"), 3);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
levels_share_a_state_until_they_differ(void **state)
{
    (void)state;
    gw_arena arena;
    gw_event event;
    gw_model low;
    gw_model high;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, full_mask, NULL, NULL);
    assert_int_equal(gw_event_parse(&arena, GW_LIT("a/1"), GW_LIT("create"),
                                    GW_LIT("{\"v\":1}"), &event, NULL),
                     0);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(gw_keyframes_apply(kf, 0, &event, NULL), 0);
    assert_int_equal(gw_keyframes_apply(kf, 1, &event, NULL), 0);

    assert_int_equal(gw_keyframes_get(kf, 0, GW_LIT("a/1"), &low, NULL), 0);
    assert_int_equal(gw_keyframes_get(kf, 1, GW_LIT("a/1"), &high, NULL), 0);
    assert_ptr_equal(low.state, high.state);

    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 1, "a/1", "update", "{\"v\":2}", &arena), 0);
    assert_int_equal(field_of(kf, 0, "a/1", "v"), 1);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 2);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
a_level_keeps_only_what_its_mask_names(void **state)
{
    (void)state;
    gw_arena arena;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, some_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);

    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"v\":1,\"x\":2}", &arena),
                     0);

    assert_int_equal(field_of(kf, 0, "a/1", "v"), -1);
    assert_int_equal(field_of(kf, 0, "a/1", "x"), 2);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
what_a_masked_level_kept_is_not_shared_with_a_whole_one(void **state)
{
    (void)state;
    gw_arena arena;
    gw_event event;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, some_mask, NULL, NULL);
    assert_int_equal(gw_event_parse(&arena, GW_LIT("a/1"), GW_LIT("create"),
                                    GW_LIT("{\"v\":1,\"x\":2}"), &event, NULL),
                     0);
    gw_keyframes_begin(kf, 1);

    assert_int_equal(gw_keyframes_apply(kf, 0, &event, NULL), 0);
    assert_int_equal(gw_keyframes_apply(kf, 1, &event, NULL), 0);

    assert_int_equal(field_of(kf, 0, "a/1", "v"), -1);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 1);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static gw_code
collect(void *arg, gw_slice fqid, gw_error *err)
{
    (void)err;
    gw_buf_slice(arg, fqid);
    gw_buf_byte(arg, ' ');
    return GW_OK;
}

static void
ids_of_any_length_are_told_apart(void **state)
{
    (void)state;
    static const char *const fqids[] = {
        "a/1",
        "a/18446744073709551617",
        "a/1000000000000000000",
        "a/123456789012345678901234567890",
        "a/123000000000000000000000000001",
        "ab_c/1",
    };
    gw_arena arena;
    gw_buf seen = {0};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(1, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    for (size_t i = 0; i < 6; i++) {
        char data[32];
        (void)snprintf(data, sizeof(data), "{\"v\":%zu}", i);
        assert_int_equal(apply(kf, 0, fqids[i], "create", data, &arena), 0);
    }

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(field_of(kf, 0, fqids[i], "v"), (int64_t)i);
    }
    assert_int_equal(gw_keyframes_each(kf, GW_LIT("a"), collect, &seen, NULL),
                     0);
    for (size_t i = 0; i < 5; i++) {
        assert_non_null(strstr(gw_buf_cstr(&seen), fqids[i]));
    }
    assert_null(strstr(gw_buf_cstr(&seen), "ab_c/1"));
    gw_buf_clear(&seen);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
many_models_are_found_again(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    gw_arena arena;
    char fqid[32];
    char data[32];
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(1, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    for (int i = 1; i <= MANY; i++) {
        (void)snprintf(fqid, sizeof(fqid), "c%c/%d", 'c', i * 977);
        fqid[0] = "abc"[i % 3];
        fqid[1] = '/';
        (void)snprintf(fqid + 2, 20, "%d", i * 977);
        (void)snprintf(data, sizeof(data), "{\"v\":%d}", i);
        assert_int_equal(apply(kf, 0, fqid, "create", data, &arena), 0);
    }

    for (int i = 1; i <= MANY; i++) {
        fqid[0] = "abc"[i % 3];
        fqid[1] = '/';
        (void)snprintf(fqid + 2, 20, "%d", i * 977);
        assert_int_equal(field_of(kf, 0, fqid, "v"), i);
    }
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

/* ---- levels against models that are kept on their own ---- */

enum { LEVELS = 4, FIELDS = 24, ROUNDS = 20000, PADDING = 300 };

static uint32_t
draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* {"f03":17,…}, values of all lengths; or, for deletefields, names. */
static void
put_some_fields(gw_buf *buf, uint32_t *seed, bool are_names, uint32_t most)
{
    uint32_t first = draw(seed, FIELDS);
    uint32_t n = draw(seed, most) + 1;
    gw_buf_byte(buf, are_names ? '[' : '{');
    for (uint32_t i = 0; i < n; i++) {
        gw_buf_printf(buf, "%s\"f%02u\"", i > 0 ? "," : "",
                      (first + i) % FIELDS);
        if (!are_names) {
            gw_buf_printf(buf, ":\"%0*u\"", (int)draw(seed, PADDING),
                          draw(seed, 5));
        }
    }
    gw_buf_byte(buf, are_names ? ']' : '}');
}

/* An event that the model may be given. */
static void
make_event(gw_arena *arena, uint32_t *seed, gw_status status, gw_event *out)
{
    static const char *const types[] = {"update", "update", "update",
                                        "deletefields", "delete"};
    gw_buf data = {0};
    const char *type = status == GW_STATUS_NONE      ? "create"
                       : status == GW_STATUS_DELETED ? "restore"
                                                     : types[draw(seed, 5)];
    if (type[0] == 'c') {
        put_some_fields(&data, seed, false, FIELDS);
    } else if (type[0] == 'u') {
        put_some_fields(&data, seed, false, 3);
    } else if (strcmp(type, "deletefields") == 0) {
        put_some_fields(&data, seed, true, 2);
    } else {
        gw_buf_text(&data, "null");
    }
    assert_int_equal(gw_event_parse(arena, GW_LIT("a/1"), gw_slice_of(type),
                                    gw_arena_dup(arena, gw_buf_as_slice(&data)),
                                    out, NULL),
                     0);
    gw_buf_clear(&data);
}

static void
assert_same(gw_keyframes *kf, size_t level, const gw_model *expected)
{
    gw_model model;
    gw_buf have = {0};
    gw_buf want = {0};
    assert_int_equal(gw_keyframes_get(kf, level, GW_LIT("a/1"), &model, NULL),
                     0);
    gw_model_put_json(&have, &model);
    gw_model_put_json(&want, expected);
    assert_string_equal(gw_buf_cstr(&have), gw_buf_cstr(&want));
    assert_int_equal(model.status, expected->status);
    assert_int_equal(gw_state_count(model.state),
                     gw_state_count(expected->state));
    gw_buf_clear(&have);
    gw_buf_clear(&want);
}

/* Mostly all levels get the same event; each sometimes one of its own, or
 * none. A position in ten is taken back. */
static void
every_level_is_what_its_events_make(void **state)
{
    (void)state;
    gw_arena arena;
    uint32_t seed = 7;
    const gw_mask all = {.all = true};
    gw_model alone[LEVELS] = {{0}};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(LEVELS, full_mask, NULL, NULL);
    for (int round = 1; round <= ROUNDS; round++) {
        gw_event shared;
        bool is_undone = draw(&seed, 10) == 0;
        gw_arena_reset(&arena);
        gw_keyframes_begin(kf, round);
        make_event(&arena, &seed, alone[0].status, &shared);
        for (size_t l = 0; l < LEVELS; l++) {
            gw_event event = shared;
            uint32_t turn = draw(&seed, 12);
            if (turn == 0) {
                continue;
            }
            if (turn == 1 || alone[l].status != alone[0].status) {
                make_event(&arena, &seed, alone[l].status, &event);
            }
            gw_code code = gw_keyframes_apply(kf, l, &event, NULL);
            if (code != GW_OK || is_undone) {
                continue;
            }
            assert_int_equal(
                gw_model_apply(&alone[l], &event, round, &all, NULL), 0);
        }
        if (is_undone) {
            gw_keyframes_undo(kf);
        }
        for (size_t l = 0; l < LEVELS; l++) {
            assert_same(kf, l, &alone[l]);
        }
    }
    for (size_t l = 0; l < LEVELS; l++) {
        gw_state_release((gw_state *)alone[l].state);
    }
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
a_level_costs_what_it_changes(void **state)
{
    (void)state;
    char text[80 + PADDING];
    gw_arena arena;
    gw_arena_init(&arena);
    gw_keyframes *one = gw_keyframes_new(1, full_mask, NULL, NULL);
    gw_keyframes *two = gw_keyframes_new(2, full_mask, NULL, NULL);
    gw_keyframes *all[] = {one, two, two};
    for (int i = 1; i <= 5000; i++) {
        char fqid[16];
        (void)snprintf(fqid, sizeof(fqid), "a/%d", i);
        gw_keyframes_begin(one, i);
        gw_keyframes_begin(two, i);
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(text, sizeof(text), "{\"k\":%zu,\"v\":\"%0*d\"}", k,
                           PADDING, i);
            assert_int_equal(apply(all[k], k / 2, fqid, "create", text, &arena),
                             0);
            (void)snprintf(text, sizeof(text), "{\"state\":%zu}", k);
            assert_int_equal(apply(all[k], k / 2, fqid, "update", text, &arena),
                             0);
        }
    }
    gw_keyframes_begin(one, 5001);
    gw_keyframes_begin(two, 5001);

    size_t bytes = gw_keyframes_bytes(one);
    assert_true(bytes > (size_t)5000 * PADDING);
    assert_true(gw_keyframes_bytes(two) < bytes + bytes / 3);
    gw_keyframes_free(one);
    gw_keyframes_free(two);
    gw_arena_clear(&arena);
}

/* A backing that keeps some models, as a store would: a level without fields
 * is as the one above. */
struct kept {
    int n_fetched;
    size_t n;
    struct {
        char fqid[16];
        gw_model models[2];
    } at[8];
};

static void
let_go(struct kept *kept)
{
    for (size_t i = 0; i < kept->n; i++) {
        for (size_t l = 0; l < 2; l++) {
            gw_state_release((gw_state *)kept->at[i].models[l].state);
        }
    }
}

static gw_code
keep(void *arg, const gw_saved_model *saved, gw_error *err)
{
    struct kept *kept = arg;
    (void)err;
    assert_true(kept->n < 8);
    (void)snprintf(kept->at[kept->n].fqid, 16, "%.*s", GW_FMT(saved->fqid));
    for (size_t l = 0; l < 2; l++) {
        kept->at[kept->n].models[l] = saved->at[l];
        gw_state_retain(saved->at[l].state);
    }
    kept->n++;
    return GW_OK;
}

static const gw_model *
find_kept(const struct kept *kept, gw_slice fqid)
{
    for (size_t i = 0; i < kept->n; i++) {
        if (gw_slice_equal(gw_slice_of(kept->at[i].fqid), fqid)) {
            return kept->at[i].models;
        }
    }
    return NULL;
}

static gw_code
fetch(void *self, gw_slice fqid, gw_model *models, size_t levels, gw_error *err)
{
    struct kept *kept = self;
    const gw_model *found = find_kept(kept, fqid);
    (void)err;
    assert_int_equal(levels, 2);
    kept->n_fetched++;
    for (size_t l = 0; found != NULL && l < 2; l++) {
        models[l] = found[l].state != NULL ? found[l] : found[1];
        gw_state_retain(models[l].state);
    }
    return GW_OK;
}

static gw_code
list(void *self, gw_slice collection,
     gw_code (*found)(void *arg, gw_slice fqid, gw_error *err), void *arg,
     gw_error *err)
{
    (void)collection;
    return find_kept(self, GW_LIT("a/1")) != NULL
               ? found(arg, GW_LIT("a/1"), err)
               : GW_OK;
}

static void
what_was_saved_and_dropped_is_fetched_again(void **state)
{
    (void)state;
    gw_arena arena;
    struct kept kept = {0};
    gw_keyframe_backing backing = {&kept, fetch, list};
    gw_buf seen = {0};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"v\":1}", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/1", "create", "{\"v\":10}", &arena), 0);
    size_t bytes = gw_keyframes_bytes(kf);

    assert_int_equal(gw_keyframes_save(kf, keep, &kept, NULL), 0);
    gw_keyframes_set_backing(kf, &backing);
    gw_keyframes_drop(kf);

    assert_true(gw_keyframes_bytes(kf) < bytes);
    assert_int_equal(gw_keyframes_each(kf, GW_LIT("a"), collect, &seen, NULL),
                     0);
    assert_string_equal(gw_buf_cstr(&seen), "a/1 ");
    assert_int_equal(field_of(kf, 0, "a/1", "v"), 1);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 10);
    assert_int_equal(status_of(kf, 1, "a/2"), GW_STATUS_NONE);
    let_go(&kept);
    gw_buf_clear(&seen);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

/* Level 0 keeps some fields, level 1 all, and here that is the same. */
static void
a_level_that_keeps_some_fields_is_saved_by_itself(void **state)
{
    (void)state;
    gw_arena arena;
    struct kept kept = {0};
    gw_keyframe_backing backing = {&kept, fetch, list};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, some_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"x\":1}", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/1", "create", "{\"x\":1}", &arena), 0);

    assert_int_equal(gw_keyframes_save(kf, keep, &kept, NULL), 0);
    gw_keyframes_set_backing(kf, &backing);
    gw_keyframes_drop(kf);

    const gw_model *saved = find_kept(&kept, GW_LIT("a/1"));
    assert_ptr_not_equal(saved[0].state, saved[1].state);
    assert_int_equal(field_of(kf, 0, "a/1", "x"), 1);
    assert_int_equal(field_of(kf, 1, "a/1", "x"), 1);
    let_go(&kept);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

/* ---- levels that only look for lists ---- */

static const gw_slice x_and_y[] = {{"x", 1}, {"y", 1}};

static gw_mask
list_mask(void *arg, size_t level, gw_slice collection)
{
    (void)arg, (void)collection;
    return level == 0 ? (gw_mask){.fields = x_and_y, .n = 2, .only_lists = true}
                      : (gw_mask){.all = true};
}

static const char *const ADD_TO_X = "{\"add\":{\"x\":[1]},\"remove\":{}}";
static const char *const TAKE_FROM_Y = "{\"add\":{},\"remove\":{\"y\":[1]}}";

static void
a_list_change_is_told_where_only_lists_are_looked_for(void **state)
{
    (void)state;
    gw_arena arena;
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, list_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(
        apply(kf, 0, "a/1", "create", "{\"x\":1,\"y\":[1]}", &arena), 0);
    size_t bytes = gw_keyframes_bytes(kf);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", ADD_TO_X, &arena),
                     GW_E_MIGRATION);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", TAKE_FROM_Y, &arena), 0);

    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"x\":[]}", &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "update", "{\"y\":\"\"}", &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", ADD_TO_X, &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", TAKE_FROM_Y, &arena),
                     GW_E_MIGRATION);
    gw_keyframes_undo(kf);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", ADD_TO_X, &arena),
                     GW_E_MIGRATION);
    assert_int_equal(apply(kf, 0, "a/1", "deletefields", "[\"x\"]", &arena), 0);
    assert_int_equal(apply(kf, 0, "a/1", "delete", "null", &arena), 0);
    assert_int_equal(status_of(kf, 0, "a/1"), GW_STATUS_DELETED);
    assert_int_equal(apply(kf, 0, "a/1", "restore", "null", &arena), 0);
    assert_int_equal(status_of(kf, 0, "a/1"), GW_STATUS_ALIVE);
    assert_int_equal(apply(kf, 0, "a/1", "listfields", ADD_TO_X, &arena), 0);
    assert_true(gw_keyframes_bytes(kf) < bytes + 1024); /* no fields */
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
what_most_models_have_is_saved_once(void **state)
{
    (void)state;
    static const struct {
        const char *fqid, *data;
    } models[] = {
        {"a/1", "{\"x\":1}"},   {"a/2", "{\"v\":2}"}, {"a/3", "{\"x\":3}"},
        {"a/4", "{\"x\":[4]}"}, {"b/1", "{\"v\":1}"},
    };
    gw_arena arena;
    struct kept kept = {0};
    gw_keyframe_backing backing = {&kept, fetch, list};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, list_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    for (size_t i = 0; i < 5; i++) {
        for (size_t l = 0; l < 2; l++) {
            assert_int_equal(
                apply(kf, l, models[i].fqid, "create", models[i].data, &arena),
                0);
        }
    }

    assert_int_equal(gw_keyframes_save(kf, keep, &kept, NULL), 0);
    gw_keyframes_set_backing(kf, &backing);
    gw_keyframes_drop(kf);

    assert_int_equal(kept.n, 7); /* "a" and "b" as well */
    assert_null(find_kept(&kept, GW_LIT("a/1"))->state);
    assert_non_null(find_kept(&kept, GW_LIT("a/2"))->state);
    assert_null(find_kept(&kept, GW_LIT("a/3"))->state);
    assert_null(find_kept(&kept, GW_LIT("b/1"))->state);
    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 0, "a/3", "listfields", ADD_TO_X, &arena),
                     GW_E_MIGRATION);
    assert_int_equal(apply(kf, 0, "a/2", "listfields", ADD_TO_X, &arena), 0);
    assert_int_equal(apply(kf, 0, "a/4", "listfields", ADD_TO_X, &arena), 0);
    assert_int_equal(apply(kf, 0, "b/1", "listfields", ADD_TO_X, &arena), 0);
    assert_int_equal(field_of(kf, 1, "a/3", "x"), 3);
    let_go(&kept);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

static void
a_trim_lets_go_of_what_is_saved_and_not_used(void **state)
{
    (void)state;
    gw_arena arena;
    struct kept kept = {0};
    gw_keyframe_backing backing = {&kept, fetch, list};
    gw_arena_init(&arena);
    gw_keyframes *kf = gw_keyframes_new(2, full_mask, NULL, NULL);
    gw_keyframes_begin(kf, 1);
    assert_int_equal(apply(kf, 0, "a/1", "create", "{\"v\":1}", &arena), 0);
    assert_int_equal(apply(kf, 1, "a/1", "create", "{\"v\":10}", &arena), 0);
    gw_keyframes_trim(kf, 0); /* nothing can go: there is no backing */
    assert_int_equal(gw_keyframes_save(kf, keep, &kept, NULL), 0);
    gw_keyframes_set_backing(kf, &backing);
    gw_keyframes_begin(kf, 2);
    assert_int_equal(apply(kf, 0, "a/2", "create", "{\"v\":2}", &arena), 0);
    kept.n_fetched = 0;

    gw_keyframes_trim(kf, gw_keyframes_bytes(kf));
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 10);
    assert_int_equal(kept.n_fetched, 0); /* there was room for all */
    gw_keyframes_trim(kf, 0);

    assert_int_equal(field_of(kf, 0, "a/2", "v"), 2);
    assert_int_equal(kept.n_fetched, 0); /* it is not saved */
    gw_keyframes_begin(kf, 3);
    assert_int_equal(apply(kf, 1, "a/1", "update", "{\"v\":11}", &arena), 0);
    assert_int_equal(kept.n_fetched, 1);
    assert_int_equal(field_of(kf, 0, "a/1", "v"), 1);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 11);
    gw_keyframes_undo(kf);
    assert_int_equal(field_of(kf, 1, "a/1", "v"), 10);
    assert_int_equal(kept.n_fetched, 1);
    let_go(&kept);
    gw_keyframes_free(kf);
    gw_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undo_takes_back_a_whole_position_at_all_levels),
        cmocka_unit_test(before_is_the_model_as_the_position_began),
        cmocka_unit_test(levels_share_a_state_until_they_differ),
        cmocka_unit_test(
            what_a_masked_level_kept_is_not_shared_with_a_whole_one),
        cmocka_unit_test(a_level_keeps_only_what_its_mask_names),
        cmocka_unit_test(ids_of_any_length_are_told_apart),
        cmocka_unit_test(many_models_are_found_again),
        cmocka_unit_test(every_level_is_what_its_events_make),
        cmocka_unit_test(a_level_costs_what_it_changes),
        cmocka_unit_test(what_was_saved_and_dropped_is_fetched_again),
        cmocka_unit_test(a_level_that_keeps_some_fields_is_saved_by_itself),
        cmocka_unit_test(a_list_change_is_told_where_only_lists_are_looked_for),
        cmocka_unit_test(what_most_models_have_is_saved_once),
        cmocka_unit_test(a_trim_lets_go_of_what_is_saved_and_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
