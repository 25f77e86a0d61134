/* SPDX-License-Identifier: Apache-2.0 */
/* One request through libcurl: everything that is set, and what its end
 * means. Nothing here waits. */
#include <curl/curl.h>

#include "base/limits.h"
#include "net/net_priv.h"

_Static_assert(GW_NET_PROBLEM_SIZE >= CURL_ERROR_SIZE,
               "libcurl writes so much");

enum { FINAL_STATUS = 200 }; /* those before it are not the answer */

/* ---- what comes ---- */

static gw_code
take_piece(gw_transfer *t, gw_slice piece)
{
    long status = 0;

    t->n_bytes += piece.len;
    if (t->n_bytes > t->most)
        return gw_fail(&t->err, GW_E_LIMIT,
                       "%s: an answer is longer than %zu bytes", t->place->name,
                       t->most);
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->take && status == 200)
        return t->take(t->take_arg, piece, &t->err);
    /* an error's page is for its message only */
    if (!t->take || t->body.len + piece.len <= GW_LIMIT_NET_ERROR)
        gw_buf_slice(&t->body, piece);
    return GW_OK;
}

static size_t
take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    gw_transfer *t = arg;

    t->failure = take_piece(t, (gw_slice){bytes, size * n});
    return t->failure ? CURL_WRITEFUNC_ERROR : size * n;
}

/* Called about every second, and whenever something comes. */
static int
see_stop(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
         curl_off_t up)
{
    gw_transfer *t = arg;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (!t->failure && atomic_load(t->place->stop))
        t->failure = gw_fail(&t->err, GW_E_INTERRUPTED,
                             "%s: stopped on request", t->place->name);
    return t->failure != GW_OK;
}

/* ---- what is set ---- */

static void
set_for_all(gw_transfer *t)
{
    const gw_net_place *p = t->place;
    CURL *easy = t->easy;

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "godwit/" GW_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)p->connect_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
    if (p->idle_ms > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                               (long)((p->idle_ms + 999) / 1000));
    }
    if (p->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, p->ca_file);
    if (p->socket_path)
        (void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, p->socket_path);
    /* no proxy of the environment gets what is for this machine */
    if (p->is_loopback)
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->problem);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    if (p->stop) {
        (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, see_stop);
        (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
    }
}

gw_code
gw_transfer_init(gw_transfer *transfer, const gw_net_place *place,
                 gw_error *err)
{
    *transfer = (gw_transfer){.easy = curl_easy_init(), .place = place};
    if (!transfer->easy)
        return gw_fail(err, GW_E_LIMIT, "libcurl has no memory");
    set_for_all(transfer);
    return GW_OK;
}

/* The list is copied text; a secret in it is wiped. */
static void
drop_headers(gw_transfer *t)
{
    for (struct curl_slist *h = t->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}

static void
add_header(gw_transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);

    if (longer)
        t->headers = longer;
}

static void
set_headers(gw_transfer *t, const gw_net_request *request)
{
    gw_buf line = {0};

    drop_headers(t);
    if (t->place->authorization)
        add_header(t, t->place->authorization);
    add_header(t, "Accept: application/json");
    add_header(t, "Expect:"); /* no waiting for 100 Continue */
    if (request->body.at)
        add_header(t, "Content-Type: application/json");
    for (size_t i = 0; i < request->n_headers; i++) {
        line.len = 0;
        gw_buf_printf(&line, "%s: %s", request->headers[i].name,
                      request->headers[i].value);
        add_header(t, gw_buf_cstr(&line));
        explicit_bzero(line.at, line.len); /* it may be a secret */
    }
    gw_buf_clear(&line);
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

void
gw_transfer_set(gw_transfer *transfer, const gw_net_request *request)
{
    gw_transfer *t = transfer;
    gw_buf url = {0};

    if (request->path && request->path[0])
        gw_buf_printf(&url, "%s%s", t->place->base, request->path);
    else
        gw_buf_text(&url, t->place->whole);
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, gw_buf_cstr(&url));
    gw_buf_clear(&url);
    if (request->body.at) {
        (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)request->body.len);
        (void)curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS,
                               request->body.at);
    } else {
        (void)curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    }
    set_headers(t, request);
    t->take = request->take;
    t->take_arg = request->take_arg;
    gw_buf_clear(&t->body);
    t->n_bytes = 0;
    t->most =
        request->answer_bytes ? request->answer_bytes : t->place->answer_bytes;
    t->status_only = request->status_only;
    t->failure = GW_OK;
    t->problem[0] = '\0';
}

/* ---- the end ---- */

gw_code
gw_transfer_end(gw_transfer *transfer, int result, gw_net_answer *out,
                gw_error *err)
{
    gw_transfer *t = transfer;
    CURLcode code = (CURLcode)result;
    long status = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool has_all = t->status_only && status >= FINAL_STATUS;
    if (t->failure && !has_all) {
        *err = t->err;
        return t->failure;
    }
    if (code != CURLE_OK && !has_all)
        return gw_fail(err, GW_E_SERVER, "%s: %s", t->place->name,
                       t->problem[0] ? t->problem : curl_easy_strerror(code));
    *out = (gw_net_answer){.status = (int)status, .body = t->body};
    t->body = (gw_buf){0};
    return GW_OK;
}

void
gw_transfer_clear(gw_transfer *transfer)
{
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    drop_headers(transfer);
    gw_buf_clear(&transfer->body);
    *transfer = (gw_transfer){0};
}
