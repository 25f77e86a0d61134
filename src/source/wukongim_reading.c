/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of one topic, and what the answers mean. The source answers
 * from the exact number asked for, or jumps: numbers in between are looked
 * for. Writes nothing. */
#include <inttypes.h>

#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

enum {
    PROBES = 100, /* one by one, then in growing strides */
    PROBE_LIMIT = 200,
    BAD_PAGES = 3, /* until a page is taken for unreadable as it is */
};

/* Of topics that are not yet written, so that a long one does not leave the
 * source idle. */
#define AHEAD_BYTES ((size_t)32 * GW_MIB)

/* ---- questions ---- */

static void
begin_asking(gw_wk *wk, gw_wk_reading *t)
{
    wk->pages_asked += !t->is_asking;
    t->is_asking = true;
}

static void
end_asking(gw_wk *wk, gw_wk_reading *t)
{
    wk->pages_asked -= t->is_asking;
    t->is_asking = false;
}

static void
ask_messages(gw_wk *wk, gw_wk_reading *t, int64_t start, int64_t end,
             int64_t limit)
{
    gw_ask *ask = &t->task.ask;
    bool is_person = t->topic.type == GW_WK_PERSON;

    ask->path.len = ask->body.len = ask->label.len = 0;
    gw_buf_text(&ask->path, "/channel/messagesync");
    gw_buf_text(&ask->body, "{\"login_uid\":");
    gw_json_put_string(&ask->body, is_person ? t->login : GW_LIT(""));
    gw_buf_text(&ask->body, ",\"channel_id\":");
    gw_json_put_string(&ask->body, is_person ? t->peer : t->topic.id);
    gw_buf_printf(&ask->body,
                  ",\"channel_type\":%" PRId64 ",\"start_message_seq\":%" PRId64
                  ",\"end_message_seq\":%" PRId64 ",\"limit\":%" PRId64
                  ",\"pull_mode\":1}",
                  t->topic.type, start, end, limit);
    gw_buf_printf(&ask->label, "topic %.*s from %" PRId64,
                  GW_FMT(t->topic.name), start);
    ask->item.request.answer_bytes = GW_LIMIT_SOURCE_PAGE;
    begin_asking(wk, t);
    gw_ask_send(&wk->asker, ask);
}

static bool
may_ask(const gw_wk *wk, const gw_wk_reading *t)
{
    if (t->n_pages == GW_WK_PAGES || t->n_holes == GW_WK_HOLES)
        return false;
    if (t->is_first && t->n_pages < 2)
        return true;
    return wk->bytes_ahead < AHEAD_BYTES &&
           wk->pages_asked < gw_asker_most(&wk->asker);
}

void
gw_wk_reading_go_on(gw_wk *wk, gw_wk_reading *t)
{
    t->is_stalled = false;
    if (t->at >= t->newest) {
        t->phase = GW_WK_PHASE_OVER;
        return;
    }
    t->phase = GW_WK_PHASE_PAGE;
    if (may_ask(wk, t))
        ask_messages(wk, t, t->at + 1, 0, t->limit);
    else
        t->is_stalled = true;
}

gw_wk_page
gw_wk_reading_take(gw_wk *wk, gw_wk_reading *t)
{
    gw_wk_page page = t->pages[t->first_page];

    wk->bytes_ahead -= page.bytes;
    t->pages[t->first_page] = (gw_wk_page){0};
    t->first_page = (t->first_page + 1) % GW_WK_PAGES;
    t->n_pages--;
    return page;
}

void
gw_wk_reading_clear(gw_wk *wk, gw_wk_reading *t)
{
    end_asking(wk, t);
    while (t->n_pages > 0) {
        gw_wk_page page = gw_wk_reading_take(wk, t);
        gw_wk_page_clear(&page);
    }
    gw_buf_clear(&t->name);
    gw_buf_clear(&t->refusal);
}

/* Up to `upto` there is nothing to be had; NULL: there never was. */
static void
give_up(gw_wk_reading *t, int64_t upto, gw_reason reason, const char *why)
{
    if (upto > t->at && why)
        t->holes[t->n_holes++] = (gw_wk_hole){t->at + 1, upto, reason, why};
    t->at = upto > t->at ? upto : t->at;
}

/* Numbers that were asked for one by one are no messages at the source; of
 * those that were passed over nothing is known. */
static const char *
why_not(const gw_wk_reading *t)
{
    return t->stride > 1 ? "the source does not give them: a gap, or out of "
                           "its reach"
                         : NULL;
}

/* ---- looking for what is there ---- */

static void
probe(gw_wk *wk, gw_wk_reading *t)
{
    if (t->probe >= t->target) {
        give_up(t, t->target - 1, GW_REASON_UNREADABLE, why_not(t));
        gw_wk_reading_go_on(wk, t);
        return;
    }
    t->phase = GW_WK_PHASE_PROBE;
    ask_messages(wk, t, t->probe, t->target, t->probe_limit);
}

static void
begin_probing(gw_wk *wk, gw_wk_reading *t, int64_t target)
{
    t->target = target;
    t->missed = t->at + 1;
    t->probe = t->at + 2;
    t->stride = 1;
    t->probe_limit = PROBE_LIMIT;
    t->low = t->high = 0;
    probe(wk, t);
}

/* Between a number that is not there and one that is. */
static bool
search_between(gw_wk *wk, gw_wk_reading *t)
{
    if (t->high - t->low <= 1)
        return false;
    t->probe = t->low + (t->high - t->low) / 2;
    ask_messages(wk, t, t->probe, t->target, t->probe_limit);
    return true;
}

static void
take_probe(gw_wk *wk, gw_wk_reading *t, const gw_wk_page *page)
{
    bool is_any = page->n > 0;
    bool is_hit = is_any && page->first == t->probe;

    if (t->high) { /* a search is under way */
        if (!is_hit)
            t->low = t->probe;
        if (is_any && page->first < t->high)
            t->high = page->first;
    } else if (is_hit) {
        t->low = t->missed;
        t->high = t->probe;
    } else {
        if (is_any && page->first < t->target)
            t->target = page->first;
        t->missed = t->probe;
        if (t->probe - t->at > PROBES)
            t->stride *= 2;
        t->probe += t->stride;
        probe(wk, t);
        return;
    }
    if (search_between(wk, t))
        return;
    give_up(t, t->high - 1, GW_REASON_UNREADABLE, why_not(t));
    gw_wk_reading_go_on(wk, t);
}

/* The oldest file of the topic was removed: numbers below some are gone. */
static void
search_base(gw_wk *wk, gw_wk_reading *t, bool is_refused)
{
    if (t->phase != GW_WK_PHASE_BASE) {
        t->phase = GW_WK_PHASE_BASE;
        t->low = t->at + 1;
        t->high = t->newest + 1;
    } else {
        *(is_refused ? &t->low : &t->high) = t->probe;
    }
    if (t->high - t->low > 1) {
        t->probe = t->low + (t->high - t->low) / 2;
        ask_messages(wk, t, t->probe, 0, 1);
        return;
    }
    give_up(t, t->high - 1, GW_REASON_UNREADABLE,
            "the source has removed the file that held them");
    t->high = 0;
    gw_wk_reading_go_on(wk, t);
}

/* ---- answers ---- */

static bool
is_purged(const gw_ask *ask)
{
    return gw_slice_equal(gw_buf_as_slice(&ask->message),
                          GW_LIT("baseOffset not found"));
}

/* A page that is too long, or no JSON time and again: smaller ones. */
static bool
make_smaller(gw_wk *wk, gw_wk_reading *t)
{
    bool is_page = t->phase == GW_WK_PHASE_PAGE;
    int64_t *limit = is_page ? &t->limit : &t->probe_limit;

    if ((!is_page && t->phase != GW_WK_PHASE_PROBE) || *limit == 1)
        return false;
    *limit = (*limit + 1) / 2;
    t->bad_pages = 0;
    if (is_page)
        gw_wk_reading_go_on(wk, t);
    else
        ask_messages(wk, t, t->probe, t->target, t->probe_limit);
    return true;
}

/* The next message cannot be read, alone too. Before that is believed the
 * source must answer the same question without a message in it, and fail
 * with the message again: else it is the source that is ill, and well
 * later. */
static void
refuse_next(gw_wk *wk, gw_wk_reading *t, const char *why)
{
    t->bad_pages = 0;
    if (!t->is_checked) {
        t->phase = GW_WK_PHASE_CHECK;
        ask_messages(wk, t, t->at + 1, t->at + 1, 1);
        return;
    }
    t->is_checked = false;
    t->limit = GW_WK_PAGE;
    give_up(t, t->at + 1, GW_REASON_REFUSED, why);
    gw_wk_reading_go_on(wk, t);
}

static void
end_check(gw_wk *wk, gw_wk_reading *t)
{
    t->is_checked = true;
    gw_wk_reading_go_on(wk, t);
}

static void
take_refusal(gw_wk *wk, gw_wk_reading *t)
{
    gw_ask *ask = &t->task.ask;

    if (ask->item.code == GW_E_LIMIT && make_smaller(wk, t))
        return;
    if (ask->item.code == GW_E_LIMIT && t->phase == GW_WK_PHASE_PAGE) {
        refuse_next(wk, t, "it is too long");
    } else if (is_purged(ask)) {
        search_base(wk, t, true);
    } else {
        gw_buf_slice(&t->refusal, gw_buf_as_slice(&ask->refusal));
        t->phase = GW_WK_PHASE_OVER;
    }
}

static gw_code
take_newest(gw_wk *wk, gw_wk_reading *t, gw_error *err)
{
    bool is_there = true;
    gw_code code =
        gw_wk_read_newest(wk, &t->task.ask, &t->newest, &is_there, err);

    if (code != GW_OK || !is_there)
        return code;
    if (t->is_silent) {
        t->phase = GW_WK_PHASE_OVER;
    } else if (t->newest == 0 && !t->row.id) {
        t->phase = GW_WK_PHASE_MEMBERS;
        gw_wk_ask_lists(wk, &t->task.ask, t->topic.type, t->topic.id);
    } else {
        gw_wk_reading_go_on(wk, t);
    }
    return GW_OK;
}

static gw_code
take_members(gw_wk *wk, gw_wk_reading *t, gw_error *err)
{
    gw_ask *ask = &t->task.ask;
    bool is_there = true;
    gw_fields lists;
    gw_code code = gw_wk_read_object(wk, ask, &lists, &is_there, err);

    if (code != GW_OK || !is_there)
        return code;
    t->phase = GW_WK_PHASE_OVER;
    for (const char *const *name = gw_wk_channel_lists; *name; name++) {
        gw_texts uids;
        if (gw_wk_read_uids(wk, &ask->arena, gw_wk_member(lists, *name), &uids))
            t->has_members |= uids.n > 0;
    }
    return GW_OK;
}

static void
take_page(gw_wk *wk, gw_wk_reading *t, gw_wk_page *page)
{
    size_t place = (t->first_page + t->n_pages) % GW_WK_PAGES;

    t->limit = GW_WK_PAGE;
    t->bad_pages = 0;
    t->is_checked = false;
    if (page->n == 0) {
        begin_probing(wk, t, t->newest + 1);
        return;
    }
    if (page->first > t->at + 2) {
        begin_probing(wk, t, page->first);
        return;
    }
    give_up(t, page->first - 1, GW_REASON_UNREADABLE, NULL);
    t->at = page->last;
    wk->bytes_ahead += page->bytes;
    t->pages[place] = *page;
    *page = (gw_wk_page){0};
    t->n_pages++;
    gw_wk_reading_go_on(wk, t);
}

static gw_code
take_bad_page(gw_wk *wk, gw_wk_reading *t, const gw_error *problem,
              gw_error *err)
{
    gw_buf why = {0};

    t->bad_pages++;
    if (gw_ask_is_last_try(&wk->asker, &t->task.ask))
        t->bad_pages = BAD_PAGES;
    if (t->bad_pages >= BAD_PAGES && t->phase == GW_WK_PHASE_PAGE) {
        if (!make_smaller(wk, t))
            refuse_next(wk, t, "the source's answer with it is no JSON");
        return GW_OK;
    }
    gw_buf_printf(&why, "the answer is cut or no page (%s)", problem->text);
    gw_code code =
        gw_ask_again(&wk->asker, &t->task.ask, gw_buf_cstr(&why), err);
    if (code == GW_OK && t->task.ask.state == GW_ASK_WAITING)
        begin_asking(wk, t);
    gw_buf_clear(&why);
    return code;
}

static gw_code
take_answer(gw_wk *wk, gw_wk_reading *t, gw_error *err)
{
    gw_wk_page page = {0};
    gw_error problem;
    gw_code code = GW_OK;
    int64_t from = t->phase == GW_WK_PHASE_PAGE ? t->at + 1 : t->probe;

    if (t->phase == GW_WK_PHASE_NEWEST)
        return take_newest(wk, t, err);
    if (t->phase == GW_WK_PHASE_MEMBERS)
        return take_members(wk, t, err);
    if (gw_wk_page_read(&page, &t->task.ask.item.answer.body, from, &problem) !=
        GW_OK)
        code = take_bad_page(wk, t, &problem, err);
    else if (t->phase == GW_WK_PHASE_PAGE)
        take_page(wk, t, &page);
    else if (t->phase == GW_WK_PHASE_PROBE)
        take_probe(wk, t, &page);
    else if (t->phase == GW_WK_PHASE_CHECK)
        end_check(wk, t);
    else
        search_base(wk, t, false);
    gw_wk_page_clear(&page);
    return code;
}

/* Of a topic that waits to be taken only its pages are kept. */
gw_code
gw_wk_reading_reply(gw_wk *wk, gw_wk_reading *t, gw_error *err)
{
    gw_ask *ask = &t->task.ask;
    gw_code code = GW_OK;

    end_asking(wk, t);
    if (ask->state == GW_ASK_REFUSED)
        take_refusal(wk, t);
    else
        code = take_answer(wk, t, err);
    if (ask->state != GW_ASK_WAITING) {
        gw_net_answer_clear(&ask->item.answer);
        gw_arena_clear(&ask->arena);
    }
    return code;
}
