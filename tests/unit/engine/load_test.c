/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "unit/engine/store_fixture.h"

#include "engine/timestamp_priv.h"

#define T "\"timestamp\":\"2024-05-01T10:00:00+00:00\""
#define CREATE(fqid, data)                                                     \
    "{\"fqid\":\"" fqid "\",\"type\":\"create\",\"data\":" data "}"
#define UPDATE(fqid, data)                                                     \
    "{\"fqid\":\"" fqid "\",\"type\":\"update\",\"data\":" data "}"
#define LINE(events) "{\"events\":[" events "]}\n"

static void
load_writes_positions_events_and_models(void **state)
{
    gw_fixture *f = *state;
    char *dump;

    fixture_must_load(
        f,
        "{\"position\":3," T ",\"user_id\":7,\"information\":{\"a\":1},"
        "\"migration_index\":2,\"events\":[" CREATE(
            "a/1", "{\"v\":1.10}") "]}\n{\"events\":[" UPDATE("a/1",
                                                              "{\"w\":"
                                                              "9007199254740993"
                                                              "}") ",{\"fqid\":"
                                                                   "\"a/"
                                                                   "1\","
                                                                   "\"type\":"
                                                                   "\"delete\"}"
                                                                   "]}\n");
    dump = fixture_text(f, gw_dump);

    assert_int_equal(f->positions, 2);
    assert_int_equal(f->events, 3);
    assert_string_equal(
        dump,
        "{\"events\":[{\"data\":{\"v\":1.10},\"fqid\":\"a/1\",\"position\":3,"
        "\"type\":\"create\",\"weight\":1},"
        "{\"data\":{\"w\":9007199254740993},\"fqid\":\"a/1\",\"position\":4,"
        "\"type\":\"update\",\"weight\":1},"
        "{\"data\":null,\"fqid\":\"a/1\",\"position\":4,"
        "\"type\":\"delete\",\"weight\":2}],"
        "\"id_sequences\":{\"a\":2},"
        "\"migration_events\":[],\"migration_positions\":[],"
        "\"models\":{\"a/1\":{\"data\":{\"meta_deleted\":true,"
        "\"meta_position\":4,\"v\":1.10,\"w\":9007199254740993},"
        "\"deleted\":true}},"
        "\"positions\":[{\"information\":{\"a\":1},\"migration_index\":2,"
        "\"position\":3,\"user_id\":7},"
        "{\"information\":null,\"migration_index\":2,\"position\":4,"
        "\"user_id\":0}]}\n");
    free(dump);
}

static void
load_keeps_the_positions_before_a_failing_one(void **state)
{
    gw_fixture *f = *state;
    gw_code code;
    char *dump;

    code = fixture_load(f, LINE(CREATE("a/1", "{}")) "\n" LINE(
                               CREATE("a/2", "{}") "," CREATE("a/1", "{}"))
                               LINE(CREATE("a/3", "{}")));
    dump = fixture_text(f, gw_dump);

    assert_int_equal(code, GW_E_MIGRATION);
    assert_string_equal(f->err.text, "more.ndjson:3: event 2: "
                                     "Model a/1 already exists");
    assert_int_equal(f->positions, 1);
    assert_has(dump, "\"models\":{\"a/1\":{");
    assert_has_not(dump, "a/2");
    assert_has_not(dump, "a/3");
    free(dump);
}

static void
load_goes_on_from_the_stored_models(void **state)
{
    gw_fixture *f = *state;
    char *dump;

    fixture_must_load(f, LINE(CREATE("a/1", "{\"l\":[1]}")));
    fixture_must_load(f,
                      LINE("{\"fqid\":\"a/1\",\"type\":\"listfields\",\"data\":"
                           "{\"add\":{\"l\":[2]},\"remove\":{}}}"));
    dump = fixture_text(f, gw_dump);

    assert_has(dump, "\"a/1\":{\"data\":{\"l\":[1,2],\"meta_deleted\":false,"
                     "\"meta_position\":2},\"deleted\":false}");
    assert_int_equal(fixture_load(f, LINE(CREATE("a/1", "{}"))),
                     GW_E_MIGRATION);
    free(dump);
}

static void
load_works_with_hardly_any_memory(void **state)
{
    gw_fixture *f = *state;
    gw_buf text = {0};
    char *dump;

    f->run.memory_bytes = 1;
    for (int i = 1; i <= 50; i++)
        gw_buf_printf(&text, "{\"events\":[" CREATE("a/%d", "{\"n\":0}") "]}\n",
                      i);
    for (int i = 1; i <= 50; i++)
        gw_buf_printf(
            &text, "{\"events\":[" UPDATE("a/%d", "{\"n\":%d}") "]}\n", i, i);
    fixture_must_load(f, gw_buf_cstr(&text));
    dump = fixture_text(f, gw_dump);

    assert_int_equal(f->positions, 100);
    assert_has(dump, "\"a/50\":{\"data\":{\"meta_deleted\":false,"
                     "\"meta_position\":100,\"n\":50}");
    free(dump);
    gw_buf_clear(&text);
}

static void
load_takes_an_index_of_minus_one_and_goes_on_with_it(void **state)
{
    gw_fixture *f = *state;
    char *dump;

    fixture_must_load(f, "{\"migration_index\":-1,\"events\":[]}\n");
    fixture_must_load(f, "{\"events\":[]}\n");
    dump = fixture_text(f, gw_dump);

    assert_has(dump,
               "\"positions\":[{\"information\":null,"
               "\"migration_index\":-1,\"position\":1,\"user_id\":0},"
               "{\"information\":null,\"migration_index\":-1,\"position\":2,"
               "\"user_id\":0}]");
    free(dump);
}

static void
load_accepts_mixed_indexes(void **state)
{
    gw_fixture *f = *state;
    char *dump;

    fixture_must_load(f, "{\"migration_index\":2,\"events\":[]}\n"
                         "{\"migration_index\":1,\"events\":[]}");
    dump = fixture_text(f, gw_dump);

    assert_has(dump, "\"migration_index\":1,\"position\":2");
    free(dump);
}

static void
load_refuses_malformed_lines_with_their_place(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"{", "more.ndjson:1: "},
        {"[]", "more.ndjson:1: "},
        {"{}", "more.ndjson:1: `events` is missing"},
        {"{\"events\":{}}", "`events` must be a list, not {}"},
        {"{\"events\":[],\"event\":1}", "unknown member `event`"},
        {"{\"events\":[],\"events\":[]}", "events"},
        {"{\"position\":\"1\",\"events\":[]}", "`position` must be"},
        {"{\"position\":0,\"events\":[]}", "`position` must be"},
        {"{\"position\":1.0,\"events\":[]}", "`position` must be"},
        {"{\"position\":2147483648,\"events\":[]}", "`position` must be"},
        {"{\"migration_index\":0,\"events\":[]}", "`migration_index` must"},
        {"{\"user_id\":null,\"events\":[]}", "`user_id` must be"},
        {"{\"timestamp\":\"2024-02-30T00:00:00Z\",\"events\":[]}",
         "`timestamp` must be"},
        {"{\"timestamp\":5,\"events\":[]}", "`timestamp` must be"},
        {"{\"events\":[1]}", "event 1: "},
        {"{\"events\":[{\"fqid\":\"a/1\"}]}", "event 1: `type` is missing"},
        {"{\"events\":[{\"type\":\"create\"}]}", "`fqid` is missing"},
        {"{\"events\":[{\"fqid\":5,\"type\":\"create\"}]}",
         "event 1: `fqid` must be a string, not 5"},
        {"{\"events\":[{\"fqid\":\"a/1\",\"kind\":\"create\"}]}",
         "unknown member `kind`"},
        {LINE(CREATE("A/1", "{}")), "A/1"},
        {LINE(CREATE("a/1", "{\"meta_x\":1}")), "meta_x"},
        {LINE(CREATE("a/1", "{\"gone\":null}")), "gone"},
        {LINE("{\"fqid\":\"a/1\",\"type\":\"make\",\"data\":{}}"), "make"},
        {LINE(UPDATE("a/1", "{}")), "Model a/1 does not exist"},
    };
    gw_fixture *f = *state;
    char *dump;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_not_equal(fixture_load(f, cases[i].line), GW_OK);
        assert_has(f->err.text, "more.ndjson:1: ");
        assert_has(f->err.text, cases[i].says);
        assert_int_equal(f->positions, 0);
    }
    dump = fixture_text(f, gw_dump);
    assert_string_equal(dump,
                        "{\"events\":[],\"id_sequences\":{},"
                        "\"migration_events\":[],\"migration_positions\":[],"
                        "\"models\":{},\"positions\":[]}\n");
    free(dump);
}

static void
load_refuses_a_position_that_is_not_above_all(void **state)
{
    gw_fixture *f = *state;

    fixture_must_load(f, "{\"position\":7,\"events\":[]}\n");

    assert_int_equal(fixture_load(f, "{\"position\":7,\"events\":[]}\n"),
                     GW_E_INPUT);
    assert_has(f->err.text, "position 7 is not above 7");
}

static void
load_that_is_stopped_keeps_what_is_whole(void **state)
{
    gw_fixture *f = *state;
    atomic_bool stop = true;
    gw_code code;

    f->run.stop = &stop;
    code = fixture_load(f, LINE(CREATE("a/1", "{}")));

    assert_int_equal(code, GW_E_INTERRUPTED);
    assert_int_equal(f->positions, 0);
    f->run.stop = NULL;
    fixture_must_load(f, LINE(CREATE("a/1", "{}")));
}

/* Waits until the store that another thread loads into has a position. */
static void *
watch(void *arg)
{
    FILE *pipe_in = arg;

    usleep(600 * 1000);
    fputs("{\"events\":[]}\n", pipe_in);
    fclose(pipe_in);
    return NULL;
}

typedef struct gw_loading {
    gw_fixture *f;
    FILE *in;
    gw_code code;
} gw_loading;

static void *
load_pipe(void *arg)
{
    gw_loading *l = arg;

    l->code = gw_load(&l->f->run, l->in, "-", &l->f->positions, &l->f->events,
                      &l->f->err);
    return NULL;
}

static void
load_of_a_slow_pipe_commits_what_it_has(void **state)
{
    gw_fixture *f = *state;
    gw_store_options options = {.read_only = true};
    gw_store_counts counts = {0};
    gw_loading loading = {.f = f};
    pthread_t loader, writer;
    gw_store *other;
    int ends[2];
    FILE *to;

    assert_int_equal(pipe(ends), 0);
    loading.in = fdopen(ends[0], "r");
    to = fdopen(ends[1], "w");
    fputs("{\"events\":[]}\n{\"eve", to);
    fflush(to);
    assert_int_equal(pthread_create(&loader, NULL, load_pipe, &loading), 0);
    usleep(450 * 1000);
    assert_int_equal(gw_store_open(f->path, &options, &other, &f->err), GW_OK);
    assert_int_equal(gw_store_count(other, 0, true, &counts, &f->err), GW_OK);
    gw_store_close(other);
    fputs("nts\":[]}\n", to);
    fflush(to);
    assert_int_equal(pthread_create(&writer, NULL, watch, to), 0);
    pthread_join(writer, NULL);
    pthread_join(loader, NULL);
    fclose(loading.in);

    assert_int_equal(counts.positions, 1);
    assert_int_equal(loading.code, GW_OK);
    assert_int_equal(f->positions, 3);
}

static void
load_sees_what_others_wrote_between_two_commits(void **state)
{
    gw_fixture *f = *state;
    gw_loading loading = {.f = f};
    gw_fixture other = {0};
    gw_store_options options = {0};
    pthread_t loader;
    int ends[2];
    FILE *to;
    char *dump;

    assert_int_equal(pipe(ends), 0);
    loading.in = fdopen(ends[0], "r");
    to = fdopen(ends[1], "w");
    fputs(LINE(CREATE("a/1", "{\"x\":1}")), to);
    fflush(to);
    assert_int_equal(pthread_create(&loader, NULL, load_pipe, &loading), 0);
    usleep(600 * 1000);
    assert_int_equal(gw_store_open(f->path, &options, &other.store, &other.err),
                     GW_OK);
    other.run.store = other.store;
    fixture_must_load(&other, LINE(UPDATE("a/1", "{\"y\":2}")));
    gw_store_close(other.store);
    fputs(LINE(UPDATE("a/1", "{\"z\":3}")), to);
    fclose(to);
    pthread_join(loader, NULL);
    fclose(loading.in);
    dump = fixture_text(f, gw_dump);

    assert_int_equal(loading.code, GW_OK);
    assert_has(dump, "\"a/1\":{\"data\":{\"meta_deleted\":false,"
                     "\"meta_position\":3,\"x\":1,\"y\":2,\"z\":3}");
    free(dump);
}

static void
timestamps_are_checked(void **state)
{
    static const char *const good[] = {
        "2024-05-01T10:00:00+00:00", "2024-05-01 10:00:00+00",
        "2024-02-29T23:59:59.123456Z", "2024-05-01T10:00:00-0330",
        "0001-01-01 00:00:00"};
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-05-01",
                                      "2023-02-29T00:00:00Z",
                                      "2024-13-01T00:00:00Z",
                                      "2024-05-01T24:00:00Z",
                                      "2024-05-01T10:00:00.Z",
                                      "2024-05-01T10:00:00+1",
                                      "2024-05-01T10:00:00Z ",
                                      "0000-01-01T00:00:00Z",
                                      "2024-05-01T10:00:00+00:",
                                      "2024-05-01x10:00:00Z",
                                      "2024-05-01T10:00:00.1234567Z"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!gw_timestamp_is_valid(gw_slice_of(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (gw_timestamp_is_valid(gw_slice_of(bad[i])))
            fail_msg("accepted: %s", bad[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(load_writes_positions_events_and_models),
        FIXTURE_TEST(load_keeps_the_positions_before_a_failing_one),
        FIXTURE_TEST(load_goes_on_from_the_stored_models),
        FIXTURE_TEST(load_works_with_hardly_any_memory),
        FIXTURE_TEST(load_takes_an_index_of_minus_one_and_goes_on_with_it),
        FIXTURE_TEST(load_accepts_mixed_indexes),
        FIXTURE_TEST(load_refuses_malformed_lines_with_their_place),
        FIXTURE_TEST(load_refuses_a_position_that_is_not_above_all),
        FIXTURE_TEST(load_that_is_stopped_keeps_what_is_whole),
        FIXTURE_TEST(load_of_a_slow_pipe_commits_what_it_has),
        FIXTURE_TEST(load_sees_what_others_wrote_between_two_commits),
        cmocka_unit_test(timestamps_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
