/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the server from the request's head to its answer, without a socket:
 * a real service on a real store answers, libmicrohttpd is a double. Checks
 * what holds for every answer.
 *
 * An input is a byte of flags, then text:
 *   METHOD /path?query
 *   Header: value
 *   (an empty line)
 *   body */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "fuzz/mhd_double.h"
#include "http/http.h"
#include "service/service.h"

#define SECRET "open sesame"
#define BASE64 "b3BlbiBzZXNhbWU="

enum {
    WAITS = 1,     /* for parked requests */
    KNOWS = 2,     /* the secret */
    IS_JSON = 4,   /* has the headers of a post of JSON */
    IS_REMOTE = 8, /* comes from elsewhere */
    IN_PIECES = 16,
    WAIT_MS = 20,
};

static char folder[] = "/tmp/godwit-fuzz-XXXXXX";
static gw_service *service;
static gw_http *http;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void
insist(bool is_so, const char *what, const double_answer *answer)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "http_fuzz: %s: %d %s\n", what, answer->status,
                  answer->body ? answer->body : "");
    abort();
}

/* ---- the server ---- */

static void
write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void
must(gw_code code, const gw_error *err)
{
    if (code == GW_OK)
        return;
    (void)fprintf(stderr, "http_fuzz: %s\n", err->text);
    abort();
}

static void
fill_store(const char *path, gw_error *err)
{
    static const char LINES[] =
        "{\"events\":[{\"fqid\":\"a/1\",\"type\":\"create\",\"data\":"
        "{\"f\":1}}]}\n"
        "{\"events\":[{\"fqid\":\"a/1\",\"type\":\"update\",\"data\":"
        "{\"f\":2}}]}\n";
    const gw_store_options options = {.create = true};
    gw_store *store;
    int64_t positions, events;
    FILE *in = fmemopen((char *)(uintptr_t)LINES, sizeof(LINES) - 1, "r");

    must(gw_store_open(path, &options, &store, err), err);
    const gw_run run = {.store = store};
    must(gw_load(&run, in, "lines", &positions, &events, err), err);
    gw_store_close(store);
    (void)fclose(in);
}

/* No thread may be left when libraries clean up. */
static void
end(void)
{
    char line[64];

    gw_http_close(http);
    (void)gw_service_close(service, 5000);
    (void)snprintf(line, sizeof(line), "rm -rf '%s'", folder);
    if (system(line) != 0)
        (void)fprintf(stderr, "http_fuzz: %s stays\n", folder);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    gw_error err = {0};

    (void)argc;
    (void)argv;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        abort();
    (void)mkdir("migrations", 0700);
    write_file("migrations/0002_rename.json",
               "{\"rules\":[{\"rename_field\":{\"collection\":\"a\","
               "\"from\":\"f\",\"to\":\"g\"}}]}");
    write_file("secret", SECRET "\n");
    fill_store("store.db", &err);
    const gw_service_options service_options = {
        .store = "store.db", .migrations = "migrations", .state_dir = "state"};
    must(gw_service_open(&service_options, &service, &err), &err);
    const gw_http_options http_options = {
        .service = service,
        .listen = "127.0.0.1:0",
        .secret_file = "secret",
        .state_dir = "state",
    };
    must(gw_http_open(&http_options, &http, &err), &err);
    /* after the libraries have put down theirs, so that it comes before */
    (void)atexit(end);
    return 0;
}

/* ---- the request ---- */

/* The next line, NUL-ended, its place after it. */
static char *
take_line(char **at)
{
    char *line = *at;
    size_t n = strcspn(line, "\n");

    *at = line + n + (line[n] == '\n');
    line[n] = '\0';
    if (n > 0 && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return line;
}

static int
digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %XX, in place; %00 ends it, as in a C string. */
static void
unescape(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == '%' && digit(text[1]) >= 0 && digit(text[2]) >= 0) {
            *to++ = (char)(digit(text[1]) * 16 + digit(text[2]));
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

static void
take_query(double_request *r, char *query)
{
    while (query && r->n_arguments < DOUBLE_PAIRS) {
        char *next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        char *value = strchr(query, '=');
        if (value)
            *value++ = '\0';
        unescape(query);
        if (value)
            unescape(value);
        r->arguments[r->n_arguments++] = (double_pair){query, value};
        query = next;
    }
}

static void
take_first_line(double_request *r, char *line)
{
    char *url = strchr(line, ' ');

    if (url)
        *url++ = '\0';
    char *query = url ? strchr(url, '?') : NULL;
    if (query)
        *query++ = '\0';
    r->method = line;
    r->url = url ? url : "/";
    r->version = "HTTP/1.1";
    if (url)
        unescape(url);
    take_query(r, query);
}

static void
add_header(double_request *r, const char *name, const char *value)
{
    if (r->n_headers < DOUBLE_PAIRS)
        r->headers[r->n_headers++] = (double_pair){name, value};
}

static void
take_headers(double_request *r, char **at)
{
    while (**at) {
        char *line = take_line(at);
        char *value = strchr(line, ':');
        if (!line[0])
            break;
        if (!value)
            continue;
        *value++ = '\0';
        add_header(r, line, value + strspn(value, " "));
    }
}

/* ---- what always holds ---- */

static const char *
header_of(const double_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (strcmp(a->headers[i].name, name) == 0)
            return a->headers[i].value;
    return NULL;
}

static void
check_answer(const double_request *r, const double_answer *a, bool knows,
             bool says_it)
{
    static const int STATUSES[] = {200, 400, 401, 403, 404, 405,
                                   411, 413, 415, 500, 503};
    bool is_known = false;

    for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++)
        is_known |= a->status == STATUSES[i];
    insist(is_known, "a status that there is not", a);
    insist(header_of(a, "X-Content-Type-Options") != NULL &&
               header_of(a, "Content-Security-Policy") != NULL &&
               header_of(a, "Cache-Control") != NULL,
           "no security headers", a);
    insist(a->status != 405 || header_of(a, "Allow"), "no Allow", a);
    insist(a->status != 401 || header_of(a, "WWW-Authenticate"),
           "no WWW-Authenticate", a);
    insist(knows || strcmp(r->method, "POST") != 0 || a->status != 200,
           "obeyed without the secret", a);

    const char *type = header_of(a, "Content-Type");
    insist(type != NULL, "no type", a);
    if (a->body && strcmp(type, "application/json") == 0) {
        gw_slice body = {a->body, a->body_len};
        insist(gw_json_check(body, NULL, NULL) == GW_OK, "no JSON", a);
        bool is_error = strncmp(a->body, "{\"success\":false,", 17) == 0;
        insist(is_error == (a->status != 200), "success and status differ", a);
    }
    insist(says_it || !a->body || !strstr(a->body, SECRET), "the secret", a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    double_request r = {0};
    double_answer answer;
    char length[24];

    if (size_bytes < 2 || size_bytes > 256 * (size_t)GW_KIB)
        return -1;
    unsigned flags = data[0];
    char *text = malloc(size_bytes);
    memcpy(text, data + 1, size_bytes - 1);
    text[size_bytes - 1] = '\0';
    char *at = text;
    take_first_line(&r, take_line(&at));
    if (flags & KNOWS)
        add_header(&r, "Authorization", "Bearer " SECRET);
    take_headers(&r, &at);
    r.body = at;
    r.body_len = size_bytes - 1 - (size_t)(at - text);
    (void)snprintf(length, sizeof(length), "%zu", r.body_len);
    if (flags & IS_JSON) {
        add_header(&r, "Content-Type", "application/json");
        add_header(&r, "Content-Length", length);
    }
    r.piece = flags & IN_PIECES ? 3 + (flags >> 5) : 0;
    r.is_remote = (flags & IS_REMOTE) != 0;
    r.wait_ms = flags & WAITS ? WAIT_MS : 0;

    double_ask(&r, &answer);
    bool says_it = memmem(data, size_bytes, SECRET, sizeof(SECRET) - 1) != NULL;
    bool knows = (flags & KNOWS) || says_it ||
                 memmem(data, size_bytes, BASE64, sizeof(BASE64) - 1) != NULL;
    if (answer.status)
        check_answer(&r, &answer, knows, says_it);
    double_answer_clear(&answer);
    free(text);
    return 0;
}
