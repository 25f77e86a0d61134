/* SPDX-License-Identifier: Apache-2.0 */
/* A manager's record as JSON, and back. */
#include <inttypes.h>
#include <stdio.h>

#include "service/service_priv.h"

static const char *const STATES[] = {
#define GW_STATE_TEXT(name, text) [GW_MANAGE_##name] = (text),
    GW_MANAGE_STATE_MAP(GW_STATE_TEXT)
#undef GW_STATE_TEXT
};
static const char *const NOTICES[] = {
#define GW_NOTICE_TEXT(name, text) [GW_NOTICE_##name] = (text),
    GW_NOTICE_MAP(GW_NOTICE_TEXT)
#undef GW_NOTICE_TEXT
};

enum {
    N_STATES = sizeof(STATES) / sizeof(STATES[0]),
    N_NOTICES = sizeof(NOTICES) / sizeof(NOTICES[0]),
    WORD = 16,
};

/* ---- writing ---- */

static const char *
true_or_false(bool value)
{
    return value ? "true" : "false";
}

void
gw_manage_record_put(const gw_manage_record *record, gw_buf *out)
{
    const gw_manage_record *r = record;

    gw_buf_printf(out,
                  "{\"id\":\"%s\",\"state\":\"%s\",\"step\":\"%s\","
                  "\"tries\":%" PRId64,
                  r->id, STATES[r->state], r->step, r->tries);
    gw_put_time(out, "started", r->started);
    gw_put_time(out, "ended", r->ended);
    gw_put_time(out, "next_try", r->next_try);
    gw_put_text(out, "error", r->error);
    gw_put_text(out, "code", r->code ? gw_code_name(r->code) : "");
    gw_buf_printf(out,
                  ",\"policy\":{\"max_retries\":%" PRId64
                  ",\"retry_delay_ms\":%" PRId64 ",\"timeout_ms\":%" PRId64
                  ",\"on_success\":%s,\"on_failure\":%s",
                  r->max_retries, r->retry_delay_ms, r->timeout_ms,
                  true_or_false(r->on_success), true_or_false(r->on_failure));
    gw_put_text(out, "webhook", r->webhook);
    gw_buf_printf(out, "},\"notices\":{\"command\":\"%s\",\"webhook\":\"%s\"}}",
                  NOTICES[r->command], NOTICES[r->posted]);
}

/* ---- reading ---- */

/* The place of a member's word in a list; -1 for none. */
static int
find_word(gw_arena *arena, gw_fields f, const char *key,
          const char *const *words, size_t n)
{
    char word[WORD];

    if (gw_member_word(arena, f, key, word, sizeof(word)))
        for (size_t i = 0; i < n; i++)
            if (strcmp(words[i], word) == 0)
                return (int)i;
    return -1;
}

static bool
read_time(gw_arena *arena, gw_fields f, const char *key, int64_t *out)
{
    gw_slice text;

    return !gw_member_text(arena, f, key, &text) ||
           gw_units_parse_time(text, out);
}

static bool
is_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static bool
is_step(const char *text)
{
    return strcmp(text, "migrate") == 0 || strcmp(text, "verify") == 0 ||
           strcmp(text, "finalize") == 0;
}

static bool
read_state(gw_arena *arena, gw_fields f, gw_manage_record *r)
{
    char code[WORD];
    gw_slice error;
    int state = find_word(arena, f, "state", STATES, N_STATES);

    r->tries = gw_member_number(f, "tries");
    if (state < 0 || r->tries < 0 ||
        !gw_member_word(arena, f, "id", r->id, sizeof(r->id)) ||
        !gw_member_word(arena, f, "step", r->step, sizeof(r->step)) ||
        !is_id(r->id) || !is_step(r->step) ||
        !read_time(arena, f, "started", &r->started) ||
        !read_time(arena, f, "ended", &r->ended) ||
        !read_time(arena, f, "next_try", &r->next_try))
        return false;
    r->state = (gw_manage_state)state;
    if (gw_member_word(arena, f, "code", code, sizeof(code)))
        (void)gw_code_find(code, &r->code);
    if (gw_member_text(arena, f, "error", &error))
        (void)snprintf(r->error, sizeof(r->error), "%.*s", (int)error.len,
                       error.at);
    return true;
}

static bool
read_policy(gw_arena *arena, gw_slice text, gw_manage_record *r)
{
    gw_fields f;

    if (!text.at || gw_json_object(arena, text, &f, NULL) != GW_OK)
        return false;
    r->max_retries = gw_member_number(f, "max_retries");
    r->retry_delay_ms = gw_member_number(f, "retry_delay_ms");
    r->timeout_ms = gw_member_number(f, "timeout_ms");
    r->on_success = gw_member_is_true(f, "on_success");
    r->on_failure = gw_member_is_true(f, "on_failure");
    (void)gw_member_word(arena, f, "webhook", r->webhook, sizeof(r->webhook));
    return r->max_retries >= 0 && r->retry_delay_ms >= 0 && r->timeout_ms >= 0;
}

static bool
read_notices(gw_arena *arena, gw_slice text, gw_manage_record *r)
{
    gw_fields f;

    if (!text.at || gw_json_object(arena, text, &f, NULL) != GW_OK)
        return false;
    int command = find_word(arena, f, "command", NOTICES, N_NOTICES);
    int posted = find_word(arena, f, "webhook", NOTICES, N_NOTICES);
    if (command < 0 || posted < 0)
        return false;
    r->command = (gw_notice)command;
    r->posted = (gw_notice)posted;
    return true;
}

gw_code
gw_manage_record_read(gw_slice text, gw_manage_record *out, gw_error *err)
{
    gw_arena arena;
    gw_fields f;
    gw_manage_record r = {0};

    gw_arena_init(&arena);
    gw_code code = gw_json_object(&arena, text, &f, err);
    if (!code && (!read_state(&arena, f, &r) ||
                  !read_policy(&arena, gw_member_raw(f, "policy"), &r) ||
                  !read_notices(&arena, gw_member_raw(f, "notices"), &r)))
        code = gw_fail(err, GW_E_INPUT, "this is no record of a manager");
    gw_arena_clear(&arena);
    if (!code)
        *out = r;
    return code;
}
