/* SPDX-License-Identifier: Apache-2.0 */
/** A real store in a temporary folder, and shorthands for its commands. */
#ifndef GW_TESTS_STORE_FIXTURE_H
#define GW_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"

typedef struct gw_fixture {
    char folder[64];
    char path[96];
    gw_run run;
    gw_store *store;
    gw_buf printed; /* lines of run->print, each with an end */
    gw_error err;
    int64_t positions, events; /* of the last load */
} gw_fixture;

static inline void
fixture_print(void *arg, gw_slice line)
{
    gw_fixture *f = arg;

    gw_buf_slice(&f->printed, line);
    gw_buf_byte(&f->printed, '\n');
}

static inline int
fixture_setup(void **state)
{
    gw_fixture *f = gw_calloc(1, sizeof(*f));
    gw_store_options options = {.create = true};

    snprintf(f->folder, sizeof(f->folder), "/tmp/godwit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/store.db", f->folder);
    if (gw_store_open(f->path, &options, &f->store, &f->err) != GW_OK) {
        print_error("%s\n", f->err.text);
        return -1;
    }
    f->run =
        (gw_run){.store = f->store, .print = fixture_print, .print_arg = f};
    *state = f;
    return 0;
}

static inline int
fixture_teardown(void **state)
{
    gw_fixture *f = *state;
    static const char *const names[] = {"", "-wal", "-shm", ".lock", "-lock"};
    char path[128];

    gw_store_close(f->store);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", f->path, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    gw_buf_clear(&f->printed);
    free(f);
    return 0;
}

/* Loads NDJSON through a real file, named more.ndjson in messages. */
static inline gw_code
fixture_load(gw_fixture *f, const char *text)
{
    FILE *in = tmpfile();
    gw_code code;

    assert_non_null(in);
    assert_int_equal(fwrite(text, 1, strlen(text), in), strlen(text));
    rewind(in);
    memset(&f->err, 0, sizeof(f->err));
    code =
        gw_load(&f->run, in, "more.ndjson", &f->positions, &f->events, &f->err);
    fclose(in);
    return code;
}

static inline void
fixture_must_load(gw_fixture *f, const char *text)
{
    if (fixture_load(f, text) != GW_OK)
        fail_msg("%s", f->err.text);
}

/* What a printing command prints; free() it. */
static inline char *
fixture_text(gw_fixture *f,
             gw_code (*command)(const gw_run *run, FILE *out, gw_error *err))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    if (command(&f->run, out, &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
    fclose(out);
    return text;
}

static inline void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in: %s", part, text);
}

static inline void
assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in: %s", part, text);
}

#define FIXTURE_TEST(name)                                                     \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
