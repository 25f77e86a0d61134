/* SPDX-License-Identifier: Apache-2.0 */
/* The client that does not wait: libcurl's multi interface with as many easy
 * handles as may work at a time, each used again and again. */
#include "net/fetch.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/units.h"
#include "net/net_priv.h"

/* How often silence is looked for. */
enum { LOOK_MS = 50 };

typedef struct gw_fetch_slot {
    gw_transfer transfer;
    gw_fetch_item *item; /* NULL: free */
    int64_t heard_us;
    size_t n_bytes; /* as of heard_us */
} gw_fetch_slot;

struct gw_fetch {
    gw_net_place place;
    CURLM *multi;
    gw_fetch_slot *slots;
    size_t n_slots, n_busy;
    gw_fetch_item *first, *last; /* waiting */
    int64_t gap_us;              /* between two requests */
    int64_t next_us;             /* none before this */
};

/* ---- opening ---- */

gw_code
gw_fetch_open(const gw_fetch_options *options, gw_fetch **out, gw_error *err)
{
    const gw_fetch_options *o = options;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return gw_fail(err, GW_E_LIMIT, "libcurl cannot be used");
    gw_fetch *f = gw_calloc(1, sizeof(*f));
    gw_code code = gw_net_place_init(&f->place, &o->net, err);
    if (!code) {
        f->multi = curl_multi_init();
        f->slots = gw_calloc(o->parallel, sizeof(*f->slots));
        if (o->per_second > 0)
            f->gap_us = (int64_t)(1e6 / o->per_second);
        if (!f->multi)
            code = gw_fail(err, GW_E_LIMIT, "libcurl has no memory");
    }
    for (size_t i = 0; !code && i < o->parallel; i++) {
        code = gw_transfer_init(&f->slots[i].transfer, &f->place, err);
        f->n_slots += code == GW_OK;
    }
    if (code) {
        gw_fetch_close(f);
        return code;
    }
    (void)curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)o->parallel);
    *out = f;
    return GW_OK;
}

void
gw_fetch_close(gw_fetch *fetch)
{
    gw_fetch *f = fetch;

    if (!f)
        return;
    for (size_t i = 0; i < f->n_slots; i++) {
        if (f->slots[i].item)
            (void)curl_multi_remove_handle(f->multi, f->slots[i].transfer.easy);
        gw_transfer_clear(&f->slots[i].transfer);
    }
    free(f->slots);
    if (f->multi)
        (void)curl_multi_cleanup(f->multi);
    gw_net_place_clear(&f->place);
    free(f);
    curl_global_cleanup();
}

const char *
gw_fetch_name(const gw_fetch *fetch)
{
    return fetch->place.name;
}

gw_code
gw_fetch_check_secret(const gw_fetch *fetch, gw_error *err)
{
    if (fetch->place.is_loopback ||
        strncmp(fetch->place.name, "https:", 6) == 0)
        return GW_OK;
    return gw_fail(err, GW_E_USAGE,
                   "the token would go to %s in the open; use https, or "
                   "--allow-plaintext where something else protects the way",
                   fetch->place.name);
}

/* ---- the queue ---- */

void
gw_fetch_add(gw_fetch *fetch, gw_fetch_item *item)
{
    item->is_done = false;
    item->code = GW_OK;
    item->retry_after_s = 0;
    item->next = NULL;
    item->slot = NULL;
    if (fetch->last)
        fetch->last->next = item;
    else
        fetch->first = item;
    fetch->last = item;
}

/* Takes an item out of the queue; `before` is the one before it or NULL. */
static void
unlink_item(gw_fetch *f, gw_fetch_item *before, gw_fetch_item *item)
{
    if (before)
        before->next = item->next;
    else
        f->first = item->next;
    if (f->last == item)
        f->last = before;
    item->next = NULL;
}

static void
free_slot(gw_fetch *f, gw_fetch_slot *slot)
{
    (void)curl_multi_remove_handle(f->multi, slot->transfer.easy);
    slot->item->slot = NULL;
    slot->item = NULL;
    f->n_busy--;
}

void
gw_fetch_drop(gw_fetch *fetch, gw_fetch_item *item)
{
    gw_fetch_item *before = NULL;

    if (item->slot)
        free_slot(fetch, item->slot);
    for (gw_fetch_item *at = fetch->first; at; before = at, at = at->next) {
        if (at == item) {
            unlink_item(fetch, before, item);
            return;
        }
    }
}

/* The first that is due; *wait_us shrinks to when one will be. */
static gw_fetch_item *
take_due(gw_fetch *f, int64_t now_us, int64_t *wait_us)
{
    gw_fetch_item *before = NULL;

    if (f->gap_us && now_us < f->next_us) {
        if (f->first && f->next_us - now_us < *wait_us)
            *wait_us = f->next_us - now_us;
        return NULL;
    }
    for (gw_fetch_item *at = f->first; at; before = at, at = at->next) {
        if (at->not_before_us <= now_us) {
            unlink_item(f, before, at);
            return at;
        }
        if (at->not_before_us - now_us < *wait_us)
            *wait_us = at->not_before_us - now_us;
    }
    return NULL;
}

/* ---- transfers ---- */

static void
start(gw_fetch *f, gw_fetch_slot *slot, gw_fetch_item *item, int64_t now_us)
{
    int64_t ms = item->timeout_ms ? item->timeout_ms : f->place.timeout_ms;
    gw_transfer *t = &slot->transfer;

    slot->item = item;
    slot->heard_us = now_us;
    slot->n_bytes = 0;
    item->slot = slot;
    gw_transfer_set(t, &item->request);
    (void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, ms < 0 ? 0L : (long)ms);
    /* silence is counted here, more finely */
    (void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, 0L);
    f->n_busy++;
    if (f->gap_us)
        f->next_us = (f->next_us > now_us ? f->next_us : now_us) + f->gap_us;
    (void)curl_multi_add_handle(f->multi, t->easy);
}

static void
start_due(gw_fetch *f, int64_t *wait_us)
{
    int64_t now_us = gw_clock_us();

    for (size_t i = 0; i < f->n_slots && f->n_busy < f->n_slots; i++) {
        if (f->slots[i].item)
            continue;
        gw_fetch_item *item = take_due(f, now_us, wait_us);
        if (!item)
            return;
        start(f, &f->slots[i], item, now_us);
    }
}

static void
end(gw_fetch *f, gw_fetch_slot *slot, CURLcode result)
{
    gw_fetch_item *item = slot->item;
    curl_off_t retry = 0;

    gw_net_answer_clear(&item->answer);
    item->code = gw_transfer_end(&slot->transfer, (int)result, &item->answer,
                                 &item->err);
    if (item->code == GW_OK)
        (void)curl_easy_getinfo(slot->transfer.easy, CURLINFO_RETRY_AFTER,
                                &retry);
    item->retry_after_s = (int64_t)retry;
    free_slot(f, slot);
    item->is_done = true;
}

static void
end_finished(gw_fetch *f)
{
    int left;

    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left)) != NULL;) {
        gw_transfer *t = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        end(f, (gw_fetch_slot *)t, m->data.result);
    }
}

/* What has not been heard of for too long. The transfer's first member is
 * the slot's, so that CURLOPT_PRIVATE names both. */
_Static_assert(offsetof(gw_fetch_slot, transfer) == 0, "see end_finished");

static void
end_silent(gw_fetch *f)
{
    int64_t now_us = gw_clock_us(), idle_us = f->place.idle_ms * 1000;

    for (size_t i = 0; idle_us > 0 && i < f->n_slots; i++) {
        gw_fetch_slot *slot = &f->slots[i];
        if (!slot->item)
            continue;
        if (slot->transfer.n_bytes != slot->n_bytes) {
            slot->n_bytes = slot->transfer.n_bytes;
            slot->heard_us = now_us;
        } else if (now_us - slot->heard_us > idle_us) {
            (void)snprintf(
                slot->transfer.problem, sizeof(slot->transfer.problem),
                "nothing came for %lld ms", (long long)f->place.idle_ms);
            end(f, slot, CURLE_OPERATION_TIMEDOUT);
        }
    }
}

void
gw_fetch_run(gw_fetch *fetch, int wait_ms)
{
    gw_fetch *f = fetch;
    int64_t wait_us = (int64_t)wait_ms * 1000;
    int running = 0;

    start_due(f, &wait_us);
    (void)curl_multi_perform(f->multi, &running);
    end_finished(f);
    if (wait_ms > 0 && (size_t)running == f->n_busy) {
        int ms = (int)((wait_us + 999) / 1000);
        if (f->n_busy > 0 && ms > LOOK_MS)
            ms = LOOK_MS;
        (void)curl_multi_poll(f->multi, NULL, 0, ms, NULL);
        (void)curl_multi_perform(f->multi, &running);
        end_finished(f);
    }
    end_silent(f);
}

void
gw_fetch_put_escaped(gw_buf *buf, gw_slice text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("-._~", c);
        if (is_plain && c) {
            gw_buf_byte(buf, (char)c);
        } else {
            gw_buf_byte(buf, '%');
            gw_buf_byte(buf, digits[c >> 4]);
            gw_buf_byte(buf, digits[c & 15]);
        }
    }
}
