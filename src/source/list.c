/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming parser, on yajl. Memory is that of one row. */
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "base/limits.h"
#include "source/rows_priv.h"

struct gw_list {
    yajl_handle yajl;
    gw_code (*row)(void *arg, gw_slice object, gw_error *err);
    void *arg;
    gw_buf object, text;
    unsigned depth; /* 1: in the list, 2: in a row */
    size_t pending; /* bytes since the last whole row */
    size_t done;    /* bytes fed before this piece */
    gw_code code;   /* why a callback has stopped it */
    gw_error err;
    bool has_begun;
};

/* ---- what yajl finds ---- */

static int
refuse(gw_list *l, const char *what)
{
    l->code = gw_fail(&l->err, GW_E_INPUT, "a list of rows holds %s", what);
    return 0;
}

/* Every value of a row; outside of one there is none. */
static int
put_value(gw_list *l, gw_slice raw)
{
    if (l->depth != 2)
        return refuse(l, "something that is no row");
    gw_buf_slice(&l->object, raw);
    return 1;
}

static int
on_null(void *arg)
{
    return put_value(arg, GW_LIT("null"));
}

static int
on_boolean(void *arg, int is_true)
{
    return put_value(arg, is_true ? GW_LIT("true") : GW_LIT("false"));
}

static int
on_number(void *arg, const char *at, size_t len)
{
    return put_value(arg, (gw_slice){at, len});
}

/* A NUL becomes the character that stands for it. */
static void
put_text(gw_list *l, gw_slice text)
{
    l->text.len = 0;
    for (const char *nul;
         text.len > 0 && (nul = memchr(text.at, '\0', text.len));) {
        size_t n = (size_t)(nul - text.at);
        gw_buf_add(&l->text, text.at, n);
        gw_buf_text(&l->text, GW_LIST_NUL);
        text = (gw_slice){nul + 1, text.len - n - 1};
    }
    if (l->text.len > 0) {
        gw_buf_slice(&l->text, text);
        text = gw_buf_as_slice(&l->text);
    }
    gw_json_put_string(&l->object, text);
}

static int
on_string(void *arg, const unsigned char *at, size_t len)
{
    gw_list *l = arg;

    if (l->depth != 2)
        return refuse(l, "something that is no row");
    put_text(l, (gw_slice){(const char *)at, len});
    return 1;
}

static int
on_key(void *arg, const unsigned char *at, size_t len)
{
    gw_list *l = arg;

    gw_buf_byte(&l->object, l->object.len ? ',' : '{');
    put_text(l, (gw_slice){(const char *)at, len});
    gw_buf_byte(&l->object, ':');
    return 1;
}

static int
on_start_map(void *arg)
{
    gw_list *l = arg;

    if (l->depth != 1)
        return refuse(l, "an object that is no row");
    l->depth = 2;
    l->object.len = 0;
    return 1;
}

static int
on_end_map(void *arg)
{
    gw_list *l = arg;

    if (l->object.len == 0)
        gw_buf_byte(&l->object, '{');
    gw_buf_byte(&l->object, '}');
    l->depth = 1;
    l->pending = 0;
    l->code = l->row(l->arg, gw_buf_as_slice(&l->object), &l->err);
    return l->code == GW_OK;
}

static int
on_start_array(void *arg)
{
    gw_list *l = arg;

    if (l->depth != 0)
        return refuse(l, "a list within a row");
    l->depth = 1;
    l->has_begun = true;
    return 1;
}

static int
on_end_array(void *arg)
{
    gw_list *l = arg;

    l->depth = 0;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_map_key = on_key,
    .yajl_start_map = on_start_map,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* ---- feeding ---- */

gw_list *
gw_list_new(gw_code (*row)(void *arg, gw_slice object, gw_error *err),
            void *arg)
{
    gw_list *l = gw_calloc(1, sizeof(*l));

    l->row = row;
    l->arg = arg;
    l->yajl = yajl_alloc(&callbacks, NULL, l);
    if (!l->yajl)
        abort(); /* as gw_malloc */
    return l;
}

void
gw_list_free(gw_list *list)
{
    if (!list)
        return;
    yajl_free(list->yajl);
    gw_buf_clear(&list->object);
    gw_buf_clear(&list->text);
    free(list);
}

static gw_code
fail(gw_list *l, yajl_status status, gw_error *err)
{
    if (status == yajl_status_client_canceled && l->code != GW_OK) {
        *err = l->err;
        return l->code;
    }
    return gw_fail(err, GW_E_INPUT, "the list is no JSON at byte %zu",
                   l->done + yajl_get_bytes_consumed(l->yajl));
}

gw_code
gw_list_feed(gw_list *list, gw_slice bytes, gw_error *err)
{
    gw_list *l = list;

    l->pending += bytes.len;
    yajl_status status =
        yajl_parse(l->yajl, (const unsigned char *)bytes.at, bytes.len);
    if (status != yajl_status_ok)
        return fail(l, status, err);
    l->done += bytes.len;
    if (l->pending > GW_LIMIT_SOURCE_ROW + bytes.len)
        return gw_fail(err, GW_E_LIMIT, "a row is longer than %zu bytes",
                       GW_LIMIT_SOURCE_ROW);
    return GW_OK;
}

gw_code
gw_list_end(gw_list *list, gw_error *err)
{
    yajl_status status = yajl_complete_parse(list->yajl);

    if (status != yajl_status_ok)
        return fail(list, status, err);
    if (!list->has_begun || list->depth != 0)
        return gw_fail(err, GW_E_INPUT, "the list is not whole");
    return GW_OK;
}
