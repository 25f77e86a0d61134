/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: the rows of the list of users, each with a token. A token must
 * never get to another user. So a row whose id stands where it belongs is
 * still not trusted when a longer id is known that the source would report
 * as this one, from this place. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/wukongim_people_priv.h"

enum { CANDIDATES = 1000 };

static const char *const OWNED[] = {"device_level", "token", NULL};

typedef struct device {
    gw_slice uid, key, fields;
    int64_t user_id, digest;
} device;

typedef struct devices {
    gw_wk *wk;
    gw_wk_list list;
    uint64_t *mangled; /* hashes of the rows that are, ascending */
    size_t n_mangled;
    uint8_t *low, *high; /* slots between which a row really stands */

    /* the position under construction */
    device at[GW_WK_BATCH];
    size_t n;
} devices;

/* ---- the place of a row ---- */

static uint64_t
hash_row(gw_slice uid, int64_t flag)
{
    return (uint64_t)gw_wk_crc(uid) << 32 |
           (uint64_t)(uid.len & 0xffffff) << 8 | (uint64_t)(flag & 0xff);
}

static int
compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static gw_code
collect_row(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    devices *d = arg;

    (void)go_on;
    (void)err;
    if (row->trust == GW_TRUST_BREAKS)
        d->mangled[d->n_mangled++] =
            hash_row(gw_wk_text(row->arena, row->fields, "uid"),
                     gw_wk_int(row->fields, "device_flag", 0));
    return GW_OK;
}

static gw_code
collect_mangled(devices *d, gw_error *err)
{
    d->mangled = gw_malloc((d->list.n + 1) * sizeof(*d->mangled));
    gw_code code = gw_wk_list_walk(&d->list, collect_row, d, NULL, err);

    qsort(d->mangled, d->n_mangled, sizeof(*d->mangled), compare_hashes);
    return code;
}

static size_t
count_mangled(const devices *d, uint64_t hash)
{
    size_t low = 0, high = d->n_mangled, n = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->mangled[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < d->n_mangled && d->mangled[low + n] == hash)
        n++;
    return n;
}

/* The slots of the rows before and after that fit. */
static void
find_bounds(devices *d)
{
    const gw_wk_list *l = &d->list;
    uint8_t slot = 0;

    d->low = gw_malloc(l->n + 1);
    d->high = gw_malloc(l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        d->low[i] = slot;
        if (l->verdicts[i] == GW_TRUST_FITS)
            slot = l->slots[i];
    }
    slot = GW_WK_SLOTS - 1;
    for (size_t i = l->n; i-- > 0;) {
        d->high[i] = slot;
        if (l->verdicts[i] == GW_TRUST_FITS)
            slot = l->slots[i];
    }
}

/* ---- longer ids ---- */

typedef struct longer {
    int64_t flag;
    uint8_t low, high;
    size_t n;     /* ids that would be reported with this flag */
    bool is_here; /* one of them from this place */
} longer;

/* A known id that begins with the row's and a dash. Its own flag may be any:
 * what is reported stands in the id. */
static gw_code
look_at_longer(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    longer *c = arg;
    uint8_t slot = gw_wk_slot(key);

    (void)row;
    (void)err;
    if (gw_wk_reported_number(key, 0) != c->flag)
        return GW_OK;
    c->n++;
    c->is_here |= slot >= c->low && slot <= c->high;
    return GW_OK;
}

/* Whether the row may be that of a longer id. Those that are accounted for
 * by rows that break the order do not count. */
static gw_code
is_doubtful(devices *d, gw_slice uid, int64_t flag, size_t at, bool *out,
            gw_error *err)
{
    gw_importing *im = d->wk->im;
    gw_import_kind kind = {im->source, GW_WK_USER};
    longer c = {.flag = flag, .low = d->low[at], .high = d->high[at]};
    gw_buf above = {0}, below = {0};
    gw_code code = gw_importing_begin(im, err);

    gw_buf_printf(&above, "%.*s-", GW_FMT(uid));
    gw_buf_printf(&below, "%.*s.", GW_FMT(uid)); /* '.' follows '-' */
    if (code == GW_OK)
        code = gw_import_keys(im->run->store, &kind, gw_buf_as_slice(&above),
                              gw_buf_as_slice(&below), CANDIDATES,
                              look_at_longer, &c, err);
    *out = c.is_here && c.n > count_mangled(d, hash_row(uid, flag));
    gw_buf_clear(&above);
    gw_buf_clear(&below);
    return code;
}

/* ---- writing ---- */

static gw_code
refuse_row(devices *d, const char *why, gw_error *err)
{
    char key[32];
    int n = snprintf(key, sizeof(key), "row %zu", d->list.at);

    return gw_importing_problem(d->wk->im, GW_REASON_REFUSED, "device",
                                (gw_slice){key, (size_t)n}, 1, err, "%s", why);
}

static gw_code
add_row(devices *d, gw_arena *scratch, gw_fields fields, int64_t user_id,
        gw_error *err)
{
    gw_arena *arena = &d->wk->im->arena;
    device *v = &d->at[d->n];
    gw_slice uid = gw_wk_text(scratch, fields, "uid");
    gw_slice token = gw_wk_member(fields, "token");
    gw_slice level = gw_wk_member(fields, "device_level");
    int64_t flag = gw_wk_int(fields, "device_flag", 0), n;
    gw_buf text = {0};

    if (token.at && (gw_json_kind_of(token) != GW_JSON_STRING ||
                     gw_wk_holds_nul(gw_json_string(scratch, token))))
        return refuse_row(d, "its token is no text, or holds a NUL", err);
    if (gw_wk_int(fields, "device_flag", -1) < 0 ||
        (level.at && !gw_json_int(level, &n)))
        return refuse_row(d, "its flag or level is no number", err);
    gw_buf_printf(&text, "\"user_id\":%" PRId64 ",\"uid\":", user_id);
    gw_json_put_string(&text, uid);
    gw_buf_printf(&text, ",\"device_flag\":%" PRId64, flag);
    if (level.at && gw_json_int(level, &n))
        gw_buf_printf(&text, ",\"device_level\":%" PRId64, n);
    if (token.at) {
        gw_buf_text(&text, ",\"token\":");
        gw_buf_slice(&text, token);
    }
    *v = (device){.user_id = user_id};
    v->uid = gw_arena_dup(arena, uid);
    v->fields = gw_arena_dup(arena, gw_buf_as_slice(&text));
    v->digest = gw_importing_digest(v->fields);
    text.len = 0;
    gw_buf_printf(&text, "%" PRId64 "/%" PRId64, user_id, flag);
    v->key = gw_arena_dup(arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    d->n++;
    return GW_OK;
}

static gw_slice
with_id(gw_arena *arena, int64_t id, gw_slice fields)
{
    return gw_slice_of(gw_arena_printf(arena, "{\"id\":%" PRId64 ",%.*s}", id,
                                       GW_FMT(fields)));
}

/* The user's list of devices, with those that are new. */
static gw_code
extend_user(devices *d, const device *v, const gw_buf *new_ids, gw_error *err)
{
    static const char *const owned[] = {"device_ids", NULL};
    gw_importing *im = d->wk->im;
    gw_buf list = {0};
    gw_model model;
    char *fqid = gw_arena_printf(&im->arena, "user/%" PRId64, v->user_id);
    gw_code code =
        gw_appender_model(im->appender, gw_slice_of(fqid), &model, err);

    if (code != GW_OK)
        return code;
    gw_slice old = model.state ? gw_state_get(model.state, GW_LIT("device_ids"))
                               : (gw_slice){0};
    gw_buf_text(&list, "{\"device_ids\":[");
    if (old.at && old.len > 2) { /* what stands between its brackets */
        gw_buf_add(&list, old.at + 1, old.len - 2);
        gw_buf_byte(&list, ',');
    }
    gw_buf_slice(&list, gw_buf_as_slice(new_ids));
    gw_buf_text(&list, "]}");
    code = gw_importing_change(im, GW_WK_USER, v->user_id, v->uid, owned,
                               gw_arena_dup(&im->arena, gw_buf_as_slice(&list)),
                               err);
    gw_buf_clear(&list);
    return code;
}

/* A row that is new or changed. */
static gw_code
write_device(devices *d, const device *v, const gw_import_row *row, int64_t id,
             gw_error *err)
{
    gw_importing *im = d->wk->im;
    gw_import_row now = {row->id ? row->id : id, im->state.number, v->digest,
                         1};
    gw_code code = GW_OK;

    if (!row->id)
        code = gw_importing_create(im, GW_WK_DEVICE, id,
                                   with_id(&im->arena, id, v->fields), err);
    else if (row->mark != v->digest)
        code =
            gw_importing_change(im, GW_WK_DEVICE, row->id, v->key, OWNED,
                                with_id(&im->arena, row->id, v->fields), err);
    return code == GW_OK ? gw_importing_put(im, GW_WK_DEVICE, v->key, &now, err)
                         : code;
}

static gw_code
write_rows(devices *d, const gw_import_row *rows, gw_error *err)
{
    size_t n_new = 0;
    int64_t id = 0;
    gw_buf new_ids = {0};

    for (size_t i = 0; i < d->n; i++)
        n_new += rows[i].id == 0;
    gw_code code =
        gw_importing_reserve(d->wk->im, GW_WK_DEVICE, n_new, &id, err);
    for (size_t i = 0; i < d->n && code == GW_OK; i++) {
        const device *v = &d->at[i];
        bool is_last = i + 1 == d->n || d->at[i + 1].user_id != v->user_id;
        if (!rows[i].id)
            gw_buf_printf(&new_ids, "%s%" PRId64, new_ids.len ? "," : "", id);
        code = write_device(d, v, &rows[i], id, err);
        id += rows[i].id == 0;
        if (code == GW_OK && is_last && new_ids.len)
            code = extend_user(d, v, &new_ids, err);
        if (is_last)
            new_ids.len = 0;
    }
    gw_buf_clear(&new_ids);
    return code;
}

static gw_code
write_position(devices *d, gw_error *err)
{
    gw_importing *im = d->wk->im;
    gw_slice keys[GW_WK_BATCH];
    gw_import_row rows[GW_WK_BATCH];
    gw_code code;

    for (size_t i = 0; i < d->n; i++)
        keys[i] = d->at[i].key;
    code = gw_importing_find(im, GW_WK_DEVICE, keys, d->n, rows, err);
    if (code == GW_OK)
        code = write_rows(d, rows, err);
    d->n = 0;
    return code == GW_OK ? gw_importing_write(im, GW_LIT("devices"), err)
                         : code;
}

/* ---- the list ---- */

static gw_code
judge_row(devices *d, const gw_wk_row *row, gw_error *err)
{
    gw_slice uid = gw_wk_text(row->arena, row->fields, "uid");
    int64_t flag = gw_wk_int(row->fields, "device_flag", 0);
    gw_import_row user;
    bool doubt = false;
    gw_code code = GW_OK;

    if (row->trust == GW_TRUST_FITS && gw_wk_is_key(uid))
        code = is_doubtful(d, uid, flag, row->number - 1, &doubt, err);
    if (code != GW_OK)
        return code;
    if (row->trust != GW_TRUST_FITS || doubt)
        return gw_wk_note_mangled(
            d->wk, "device", uid, flag, row->number,
            doubt ? "it may be that of a longer id, which is known"
                  : gw_wk_why(row->trust),
            err);
    if (!gw_wk_is_key(uid))
        return refuse_row(d, "its id is empty, too long or holds a NUL", err);
    code = gw_importing_find(d->wk->im, GW_WK_USER, &uid, 1, &user, err);
    if (code != GW_OK)
        return code;
    if (!user.id) /* listed only now: the next import brings it */
        return gw_importing_problem(d->wk->im, GW_REASON_DIFFERS, "device", uid,
                                    1, err,
                                    "its user was not listed when users were "
                                    "imported; import again");
    return add_row(d, row->arena, row->fields, user.id, err);
}

static gw_code
take_row(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    devices *d = arg;

    (void)go_on;
    if (gw_importing_is_stopped(d->wk->im))
        return gw_importing_stop(d->wk->im, err);
    gw_code code = judge_row(d, row, err);
    return code == GW_OK && d->n == GW_WK_BATCH ? write_position(d, err) : code;
}

static gw_code
bring_rows(devices *d, gw_error *err)
{
    gw_code code = gw_wk_list_walk(&d->list, take_row, d, NULL, err);

    return code == GW_OK && d->n > 0 ? write_position(d, err) : code;
}

gw_code
gw_wk_bring_devices(gw_wk *wk, gw_error *err)
{
    devices *d = gw_calloc(1, sizeof(*d));
    gw_step step = wk->im->step;
    gw_code code = gw_wk_list_fetch(wk, "/migrate/allusers", "uid",
                                    "device_flag", &d->list, err);

    d->wk = wk;
    wk->im->step = GW_STEP_USER; /* devices belong to it */
    if (code == GW_OK)
        code =
            gw_wk_forget_problems(wk, GW_STEP_USER, false, NULL, "device", err);
    if (code == GW_OK) {
        find_bounds(d);
        code = collect_mangled(d, err);
    }
    if (code == GW_OK)
        code = bring_rows(d, err);
    if (code == GW_OK) {
        gw_importing_set_count(wk->im, GW_COUNT_DEVICE_ROWS,
                               (int64_t)d->list.n);
        gw_importing_set_count(wk->im, GW_COUNT_DEVICES_SINCE,
                               wk->im->state.number);
        gw_importing_set_count(wk->im, GW_COUNT_DEVICES_DUE, 0);
    }
    wk->im->step = step;
    gw_wk_list_clear(&d->list);
    free(d->mangled);
    free(d->low);
    free(d->high);
    free(d);
    return code;
}
