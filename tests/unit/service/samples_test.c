/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/service_priv.h"

/* Points whose times are the numbers of their ticks. */
static gw_service *
after_ticks(int64_t n)
{
    gw_service *s = gw_calloc(1, sizeof(*s));

    gw_curve_begin(s);
    for (int64_t i = 0; i < n; i++) {
        s->since_us = gw_clock_us() - i * 1000;
        gw_curve_add(s);
    }
    return s;
}

static void
a_short_run_keeps_every_point(void **state)
{
    gw_service *s = after_ticks(GW_POINTS);

    (void)state;
    assert_int_equal(s->curve.n, GW_POINTS);
    assert_int_equal(s->curve.every, 1);
    assert_int_equal(s->curve.at[0].events_per_second, -1);
    assert_int_equal(s->curve.at[0].lag_positions, -1);
    free(s);
}

static void
a_long_run_keeps_points_of_all_of_it_evenly(void **state)
{
    enum { TICKS = 100000 };
    gw_service *s = after_ticks(TICKS);
    const gw_curve *c = &s->curve;

    (void)state;
    assert_in_range(c->n, GW_POINTS / 2, GW_POINTS);
    for (size_t i = 0; i < c->n; i++) {
        int64_t off = c->at[i].at_ms - (int64_t)i * c->every;
        assert_in_range(off, 0, 5); /* the clock went on between */
    }
    assert_true(c->at[c->n - 1].at_ms > TICKS - 2 * c->every);
    free(s);
}

static void
the_next_run_begins_anew(void **state)
{
    gw_service *s = after_ticks(5000);

    (void)state;
    gw_curve_begin(s);
    gw_curve_add(s);
    gw_curve_add(s);
    assert_int_equal(s->curve.n, 2);
    free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_run_keeps_every_point),
        cmocka_unit_test(a_long_run_keeps_points_of_all_of_it_evenly),
        cmocka_unit_test(the_next_run_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
