/* SPDX-License-Identifier: Apache-2.0 */
/* Rate and lag over all of a run, in never more than GW_POINTS points: when
 * they are full every second one goes, and from then on only half as many
 * are taken. */
#include <inttypes.h>
#include <stdlib.h>

#include "service/service_priv.h"

void
gw_curve_begin(gw_service *s)
{
    s->curve.n = 0;
    s->curve.ticks = 0;
    s->curve.every = 1;
}

static void
thin_out(gw_curve *curve)
{
    for (size_t i = 0; i < curve->n / 2; i++)
        curve->at[i] = curve->at[2 * i];
    curve->n /= 2;
    curve->every *= 2;
}

void
gw_curve_add(gw_service *s)
{
    gw_curve *curve = &s->curve;

    if (curve->ticks++ % curve->every != 0)
        return;
    if (curve->n == GW_POINTS)
        thin_out(curve);
    curve->at[curve->n++] = (gw_point){
        .at_ms = (gw_clock_us() - s->since_us) / 1000,
        .events_per_second = gw_service_rate(s),
        .lag_positions = gw_probe_lag(&s->probe),
    };
}

static void
put_column(const gw_curve *curve, const char *name, size_t member, gw_buf *out)
{
    gw_buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < curve->n; i++) {
        int64_t value;
        memcpy(&value, (const char *)&curve->at[i] + member, sizeof(value));
        if (i > 0)
            gw_buf_byte(out, ',');
        if (value < 0)
            gw_buf_text(out, "null");
        else
            gw_buf_int(out, value);
    }
    gw_buf_byte(out, ']');
}

void
gw_service_put_samples(gw_service *service, gw_buf *out)
{
    gw_curve *curve = gw_malloc(sizeof(*curve));

    pthread_mutex_lock(&service->lock);
    const gw_record *last = gw_history_last(&service->history);
    int64_t run = last && !last->is_earlier ? last->run : 0;
    *curve = service->curve;
    pthread_mutex_unlock(&service->lock);

    if (run)
        gw_buf_printf(out, "{\"run\":%" PRId64, run);
    else
        gw_buf_text(out, "{\"run\":null");
    put_column(curve, "at_ms", offsetof(gw_point, at_ms), out);
    put_column(curve, "events_per_second",
               offsetof(gw_point, events_per_second), out);
    put_column(curve, "lag_positions", offsetof(gw_point, lag_positions), out);
    gw_buf_byte(out, '}');
    free(curve);
}
