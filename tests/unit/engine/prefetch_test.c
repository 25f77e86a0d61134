/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that are read ahead: order, ends, errors, and being left midway. */
#include <sqlite3.h>

#include "unit/engine/store_fixture.h"

#include "engine/prefetch.h"

enum { POSITIONS = 60 };

static void
load_positions(gw_fixture *f)
{
    gw_buf lines = {0};
    for (int i = 1; i <= POSITIONS; i++) {
        gw_buf_printf(&lines,
                      "{\"events\":[{\"fqid\":\"a/%d\",\"type\":\"create\","
                      "\"data\":{\"n\":%d}}]}\n",
                      i, i);
    }
    fixture_must_load(f, gw_buf_cstr(&lines));
    gw_buf_clear(&lines);
}

static void
spoil_position_7(gw_fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE events SET data = '{'"
                                  " WHERE position = 7",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

static gw_prefetch *
begin(gw_fixture *f, pthread_mutex_t *lock, int64_t after, int64_t upto)
{
    gw_prefetch *p = NULL;
    assert_int_equal(
        gw_prefetch_begin(f->store, lock, after, upto, 1, &p, &f->err), GW_OK);
    return p;
}

static void
gives_each_position_once_and_in_order(void **state)
{
    gw_fixture *f = *state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    gw_batch batch;
    int64_t expected = 10;
    load_positions(f);
    gw_batch_init(&batch);
    gw_prefetch *p = begin(f, &lock, expected, POSITIONS - 5);

    do {
        assert_int_equal(gw_prefetch_next(p, &batch, &f->err), GW_OK);
        for (size_t i = 0; i < batch.n; i++) {
            assert_int_equal(batch.positions[i].position, ++expected);
            assert_int_equal(batch.positions[i].events.n, 1);
        }
    } while (batch.n > 0);

    assert_int_equal(expected, POSITIONS - 5);
    for (int i = 0; i < 2; i++) { /* the end stays the end */
        assert_int_equal(gw_prefetch_next(p, &batch, &f->err), GW_OK);
        assert_int_equal(batch.n, 0);
    }
    gw_prefetch_end(p);
    gw_batch_clear(&batch);
}

static void
may_be_left_midway(void **state)
{
    gw_fixture *f = *state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    gw_batch batch;
    load_positions(f);
    gw_batch_init(&batch);

    gw_prefetch_end(begin(f, &lock, 0, POSITIONS));
    gw_prefetch *p = begin(f, &lock, 0, POSITIONS);
    assert_int_equal(gw_prefetch_next(p, &batch, &f->err), GW_OK);
    gw_prefetch_end(p);
    gw_prefetch_end(NULL);

    assert_int_equal(batch.positions[0].position, 1);
    gw_batch_clear(&batch);
}

static void
tells_of_a_fault_after_what_is_before_it(void **state)
{
    gw_fixture *f = *state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    gw_batch batch;
    int64_t last = 0;
    gw_code code;
    load_positions(f);
    spoil_position_7(f);
    gw_batch_init(&batch);
    gw_prefetch *p = begin(f, &lock, 0, POSITIONS);

    while ((code = gw_prefetch_next(p, &batch, &f->err)) == GW_OK) {
        assert_true(batch.n > 0);
        last = batch.positions[batch.n - 1].position;
    }

    assert_int_equal(last, 6);
    assert_int_equal(code, GW_E_INPUT);
    assert_non_null(strstr(f->err.text, "position 7"));
    assert_int_equal(gw_prefetch_next(p, &batch, NULL), GW_E_INPUT);
    gw_prefetch_end(p);
    gw_batch_clear(&batch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(gives_each_position_once_and_in_order),
        FIXTURE_TEST(may_be_left_midway),
        FIXTURE_TEST(tells_of_a_fault_after_what_is_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
