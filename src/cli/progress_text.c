/* SPDX-License-Identifier: Apache-2.0 */
/* How progress is worded: bar, line, JSON. Pure; no clock, no terminal. */
#include <inttypes.h>
#include <math.h>

#include "base/units.h"
#include "cli/progress_priv.h"

#define GW_BAR_MIN 10
#define GW_BAR_MAX 40

void
gw_progress_put_seconds(gw_buf *buf, double seconds)
{
    if (seconds < 9.95) {
        gw_buf_printf(buf, "%.1f s", seconds);
        return;
    }
    int64_t s = (int64_t)llround(seconds);
    if (s < 60)
        gw_buf_printf(buf, "%" PRId64 " s", s);
    else if (s < 3600)
        gw_buf_printf(buf, "%" PRId64 " m %02d s", s / 60, (int)(s % 60));
    else
        gw_buf_printf(buf, "%" PRId64 " h %02d m", s / 3600,
                      (int)(s % 3600 / 60));
}

double
gw_progress_interval(double seconds)
{
    if (seconds < 10)
        return 1;
    return seconds < 120 ? 5 : 30;
}

/* Done, 0 to 1; below 0 when not known. */
static double
fraction_of(const gw_snapshot *s)
{
    int64_t done = s->positions_done, total = s->positions_total;

    if (total <= 0 || done < 0)
        return -1;
    return done >= total ? 1 : (double)done / (double)total;
}

static void
put_percent(gw_buf *buf, double fraction)
{
    /* 100 % only when all is done */
    gw_buf_printf(buf, "%.1f %%", floor(fraction * 1000) / 10);
}

static void
put_positions(gw_buf *buf, const gw_snapshot *s)
{
    gw_units_put_count(buf, s->positions_done);
    if (s->positions_total > 0) {
        gw_buf_byte(buf, '/');
        gw_units_put_count(buf, s->positions_total);
    }
    gw_buf_text(buf, " positions");
}

static void
put_rate(gw_buf *buf, const gw_snapshot *s)
{
    gw_units_put_count(buf, (int64_t)llround(s->events_per_s));
    gw_buf_text(buf, " events/s");
}

static void
put_left(gw_buf *buf, const gw_snapshot *s)
{
    if (s->seconds_left < 0) {
        gw_buf_text(buf, "time left -");
        return;
    }
    gw_progress_put_seconds(buf, s->seconds_left);
    gw_buf_text(buf, " left");
}

static void
put_parts(gw_buf *buf, const gw_snapshot *s, const char *between)
{
    if (s->phase == GW_PHASE_KEYFRAMES && s->models > 0) {
        gw_buf_text(buf, between);
        gw_units_put_count(buf, s->models);
        gw_buf_text(buf, " models saved");
        return;
    }
    if (s->positions_done >= 0) {
        gw_buf_text(buf, between);
        put_positions(buf, s);
    }
    if (s->events_per_s >= 0) {
        gw_buf_text(buf, between);
        put_rate(buf, s);
    }
    if (s->positions_total > 0 && s->positions_done < s->positions_total) {
        gw_buf_text(buf, between);
        put_left(buf, s);
    }
}

static void
put_bar(gw_buf *buf, double fraction, size_t room)
{
    size_t full = (size_t)(fraction * (double)room);

    gw_buf_text(buf, " [");
    for (size_t i = 0; i < room; i++)
        gw_buf_byte(buf, i < full ? '=' : i == full ? '>' : ' ');
    gw_buf_byte(buf, ']');
}

void
gw_progress_put_bar(gw_buf *buf, const gw_snapshot *s, size_t width)
{
    gw_buf head = {0}, tail = {0};
    double fraction = fraction_of(s);

    gw_buf_text(&head, s->label);
    if (fraction >= 0) {
        gw_buf_byte(&tail, ' ');
        put_percent(&tail, fraction);
    }
    put_parts(&tail, s, "  ");

    /* all of it is ASCII: bytes are columns */
    size_t used = head.len + tail.len + 3;
    if (fraction >= 0 && used + GW_BAR_MIN <= width) {
        size_t room = width - used;
        put_bar(&head, fraction, room < GW_BAR_MAX ? room : GW_BAR_MAX);
    }
    gw_buf_slice(&head, gw_buf_as_slice(&tail));
    gw_buf_add(buf, head.at, head.len < width ? head.len : width);
    gw_buf_clear(&head);
    gw_buf_clear(&tail);
}

void
gw_progress_put_line(gw_buf *buf, const gw_snapshot *s)
{
    double fraction = fraction_of(s);

    gw_buf_printf(buf, "%s:", s->label);
    if (fraction >= 0) {
        gw_buf_byte(buf, ' ');
        put_percent(buf, fraction);
    }
    /* the first part needs no comma */
    gw_buf parts = {0};
    put_parts(&parts, s, ", ");
    if (parts.len > 0 && fraction < 0)
        gw_buf_add(buf, parts.at + 1, parts.len - 1);
    else
        gw_buf_slice(buf, gw_buf_as_slice(&parts));
    gw_buf_clear(&parts);
    if (buf->at[buf->len - 1] == ':')
        buf->len--;
}

static void
put_member(gw_buf *buf, const char *name, int64_t value)
{
    gw_buf_printf(buf, ",\"%s\":", name);
    if (value < 0)
        gw_buf_text(buf, "null");
    else
        gw_buf_int(buf, value);
}

void
gw_progress_put_json(gw_buf *buf, const gw_snapshot *s)
{
    gw_buf_text(buf, "{\"ts\":\"");
    gw_text_put_now(buf);
    gw_buf_printf(buf,
                  "\",\"level\":\"info\",\"msg\":\"progress\","
                  "\"phase\":\"%s\"",
                  s->label);
    put_member(buf, "positions_done", s->positions_done);
    put_member(buf, "positions_total", s->positions_total);
    put_member(buf, "events_done", s->events_done);
    put_member(buf, "events_per_second",
               s->events_per_s < 0 ? -1 : (int64_t)llround(s->events_per_s));
    put_member(buf, "seconds_left",
               s->seconds_left < 0 ? -1 : (int64_t)llround(s->seconds_left));
    gw_buf_byte(buf, '}');
}

void
gw_rate_add(gw_rate *rate, double seconds, int64_t events)
{
    size_t last = (rate->next + GW_RATE_SAMPLES - 1) % GW_RATE_SAMPLES;

    /* a count that goes back is another phase: begin again */
    if (rate->n > 0 && events < rate->events[last])
        rate->n = 0;
    rate->at[rate->next] = seconds;
    rate->events[rate->next] = events;
    rate->next = (rate->next + 1) % GW_RATE_SAMPLES;
    if (rate->n < GW_RATE_SAMPLES)
        rate->n++;
}

double
gw_rate_get(const gw_rate *rate)
{
    if (rate->n < 2)
        return -1;
    size_t last = (rate->next + GW_RATE_SAMPLES - 1) % GW_RATE_SAMPLES;
    size_t first = (rate->next + GW_RATE_SAMPLES - rate->n) % GW_RATE_SAMPLES;
    double seconds = rate->at[last] - rate->at[first];
    if (seconds < 0.2)
        return -1;
    return (double)(rate->events[last] - rate->events[first]) / seconds;
}
