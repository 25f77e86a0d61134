/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void
arena_memory_is_aligned_and_does_not_overlap(void **unused)
{
    enum { N = 3000 };
    char *parts[N];
    gw_arena arena;

    (void)unused;
    gw_arena_init(&arena);
    for (size_t i = 0; i < N; i++) {
        parts[i] = gw_arena_alloc(&arena, i);
        assert_true((uintptr_t)parts[i] % 16 == 0);
        memset(parts[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++)
            if ((unsigned char)parts[i][j] != i % 251)
                fail_msg("part %zu was written over", i);
    gw_arena_clear(&arena);
    assert_null(arena.first);
}

static void
arena_counts_what_it_handed_out(void **unused)
{
    gw_arena arena;

    (void)unused;
    gw_arena_init(&arena);
    (void)gw_arena_alloc(&arena, 1);
    (void)gw_arena_alloc(&arena, 100000);
    assert_int_equal(arena.used_bytes, 16 + 100000);

    gw_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    gw_arena_clear(&arena);
}

static void
arena_uses_its_chunks_again_after_a_reset(void **unused)
{
    gw_arena arena;

    (void)unused;
    gw_arena_init(&arena);
    void *first = gw_arena_alloc(&arena, 100);
    void *large = gw_arena_alloc(&arena, 5000000);
    gw_arena_reset(&arena);

    assert_ptr_equal(gw_arena_alloc(&arena, 100), first);
    assert_ptr_equal(gw_arena_alloc(&arena, 5000000), large);
    gw_arena_clear(&arena);
}

/* The struct is mem.c's own; it begins with the next one. */
static size_t
count_chunks(const gw_arena *arena)
{
    size_t n = 0;

    for (void *c = arena->first; c; memcpy(&c, c, sizeof(c)))
        n++;
    return n;
}

static void
arena_does_not_grow_by_the_same_sizes_in_another_order(void **unused)
{
    static const size_t orders[][3] = {
        {1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {3, 2, 1}};
    gw_arena arena;
    size_t n = 0;

    (void)unused;
    gw_arena_init(&arena);
    for (size_t i = 0; i < 4; i++) {
        gw_arena_reset(&arena);
        (void)gw_arena_alloc(&arena, 16);
        for (size_t j = 0; j < 3; j++)
            (void)gw_arena_alloc(&arena, orders[i][j] << 20);
        n = n ? n : count_chunks(&arena);
        assert_int_equal(count_chunks(&arena), n);
    }
    gw_arena_clear(&arena);
}

static void
arena_zalloc_clears_used_memory(void **unused)
{
    gw_arena arena;
    char zeros[64] = {0};

    (void)unused;
    gw_arena_init(&arena);
    memset(gw_arena_alloc(&arena, 64), 'x', 64);
    gw_arena_reset(&arena);
    assert_memory_equal(gw_arena_zalloc(&arena, 64), zeros, 64);
    gw_arena_clear(&arena);
}

static void
arena_dup_copies_with_a_nul(void **unused)
{
    gw_arena arena;

    (void)unused;
    gw_arena_init(&arena);
    gw_slice copy = gw_arena_dup(&arena, (gw_slice){"abcdef", 3});
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.at, "abc");
    assert_string_equal(gw_arena_dup(&arena, GW_LIT("")).at, "");
    assert_null(gw_arena_dup(&arena, (gw_slice){0}).at);
    assert_string_equal(gw_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    gw_arena_clear(&arena);
}

static void
slices_compare_in_byte_order(void **unused)
{
    (void)unused;

    assert_true(gw_slice_compare(GW_LIT("a"), GW_LIT("b")) < 0);
    assert_true(gw_slice_compare(GW_LIT("ab"), GW_LIT("a")) > 0);
    assert_true(gw_slice_compare(GW_LIT("\xc3"), GW_LIT("z")) > 0);
    assert_true(gw_slice_compare(GW_LIT("ab"), GW_LIT("ab")) == 0);
    assert_true(gw_slice_compare((gw_slice){0}, GW_LIT("")) == 0);
    assert_true(gw_slice_compare((gw_slice){0}, GW_LIT("a")) < 0);
    assert_true(gw_slice_equal((gw_slice){0}, GW_LIT("")));
    assert_false(gw_slice_equal(GW_LIT("a"), GW_LIT("b")));
}

static void
buffer_grows_by_every_kind_of_piece(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    gw_buf_add(&buf, NULL, 0);
    gw_buf_add(&buf, "abcd", 2);
    gw_buf_text(&buf, "-");
    gw_buf_slice(&buf, GW_LIT("xy"));
    gw_buf_byte(&buf, ' ');
    gw_buf_int(&buf, INT64_MIN);
    gw_buf_byte(&buf, ' ');
    gw_buf_int(&buf, 0);
    gw_buf_printf(&buf, " %s=%d", "n", 5);
    memcpy(gw_buf_reserve(&buf, 2), "!!", 2);
    buf.len += 2;

    assert_string_equal(gw_buf_cstr(&buf),
                        "ab-xy -9223372036854775808 0 n=5!!");
    assert_int_equal(buf.len, strlen(buf.at));
    gw_buf_clear(&buf);
    assert_null(buf.at);
}

static void
buffer_keeps_its_bytes_while_it_grows(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    for (int i = 0; i < 100000; i++)
        gw_buf_byte(&buf, (char)(i % 100));
    for (int i = 0; i < 100000; i++)
        assert_true(buf.at[i] == (char)(i % 100));
    gw_buf_clear(&buf);
}

static void
an_empty_buffer_is_empty_and_not_none(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    assert_non_null(gw_buf_as_slice(&buf).at);
    assert_int_equal(gw_buf_as_slice(&buf).len, 0);
    assert_string_equal(gw_buf_cstr(&buf), "");
    gw_buf_clear(&buf);
}

/* In a child: whether `work` ends by SIGABRT. Sanitizers end it their own
 * way, which will do as well; what counts is that it does not go on. */
static bool
aborts(void (*work)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct rlimit none = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)!freopen("/dev/null", "w", stderr);
        work();
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

static void
ask_arena_for_everything(void)
{
    gw_arena arena;

    gw_arena_init(&arena);
    (void)gw_arena_alloc(&arena, SIZE_MAX - 3);
}

static void
ask_buffer_for_everything(void)
{
    gw_buf buf = {0};

    gw_buf_byte(&buf, 'x');
    (void)gw_buf_reserve(&buf, SIZE_MAX);
}

static void
do_not_ask(void)
{
}

static void
sizes_that_overflow_abort(void **unused)
{
    (void)unused;

    assert_true(aborts(ask_arena_for_everything));
    assert_true(aborts(ask_buffer_for_everything));
    assert_false(aborts(do_not_ask));
}

static void
allocations_of_nothing_are_something(void **unused)
{
    void *parts[] = {gw_malloc(0), gw_calloc(0, 8), gw_realloc(NULL, 0)};
    char *copy = gw_strdup("text");

    (void)unused;
    assert_string_equal(copy, "text");
    free(copy);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(parts[i]);
        free(parts[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory_is_aligned_and_does_not_overlap),
        cmocka_unit_test(arena_counts_what_it_handed_out),
        cmocka_unit_test(arena_uses_its_chunks_again_after_a_reset),
        cmocka_unit_test(
            arena_does_not_grow_by_the_same_sizes_in_another_order),
        cmocka_unit_test(arena_zalloc_clears_used_memory),
        cmocka_unit_test(arena_dup_copies_with_a_nul),
        cmocka_unit_test(slices_compare_in_byte_order),
        cmocka_unit_test(buffer_grows_by_every_kind_of_piece),
        cmocka_unit_test(buffer_keeps_its_bytes_while_it_grows),
        cmocka_unit_test(an_empty_buffer_is_empty_and_not_none),
        cmocka_unit_test(sizes_that_overflow_abort),
        cmocka_unit_test(allocations_of_nothing_are_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
