/* SPDX-License-Identifier: Apache-2.0 */
/* How fast objects of about 200 bytes go through the JSON layer: split and
 * validated, and with one field renamed and printed again; one core.
 *
 *     json [SECONDS]     per measurement, 2 when left out */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/units.h"

enum { OBJECTS = 4096 };

/* Like the data of events: ids, flags, texts with and without escapes and
 * umlauts, a small list. */
static void
put_object(gw_buf *buf, unsigned i)
{
    static const char *const titles[] = {
        "Antrag zur Tagesordnung",
        "Motion on the agenda",
        "Wahl der Delegierten f\303\274r 2024",
        "Say \\\"yes\\\"\\nor no",
    };

    gw_buf_printf(buf,
                  "{\"id\": %u, \"title\": \"%s\", \"meeting_id\": %u, "
                  "\"sequential_number\": %u, \"weight\": %u.50, "
                  "\"is_active\": %s, \"text\": \"<p>The assembly "
                  "decides on item %u.</p>\", \"submitter_ids\": [%u, %u], "
                  "\"state\": null}",
                  i * 7919, titles[i % 4], i % 97 + 1, i, i % 1000,
                  i % 2 ? "true" : "false", i, i * 3, i * 3 + 1);
}

static size_t
split(gw_arena *arena, gw_buf *out, gw_slice text)
{
    gw_fields fields;

    (void)out;
    if (gw_json_object(arena, text, &fields, NULL) != GW_OK)
        abort();
    return fields.n;
}

static size_t
rename_field(gw_arena *arena, gw_buf *out, gw_slice text)
{
    gw_fields fields;

    if (gw_json_object(arena, text, &fields, NULL) != GW_OK)
        abort();
    for (size_t i = 0; i < fields.n; i++)
        if (gw_slice_equal(fields.at[i].key, GW_LIT("title")))
            fields.at[i].key = GW_LIT("name");
    out->len = 0;
    gw_json_put_fields(out, fields);
    return out->len;
}

static void
measure(const char *name, size_t (*work)(gw_arena *, gw_buf *, gw_slice),
        const gw_slice *objects, int64_t us)
{
    gw_arena arena;
    gw_buf out = {0}, count = {0};
    size_t n = 0, bytes = 0, sum = 0;
    int64_t start = gw_clock_us(), took;

    gw_arena_init(&arena);
    do {
        for (size_t i = 0; i < OBJECTS; i++) {
            sum += work(&arena, &out, objects[i]);
            bytes += objects[i].len;
        }
        gw_arena_reset(&arena);
        n += OBJECTS;
        took = gw_clock_us() - start;
    } while (took < us);

    gw_units_put_count(&count, (int64_t)((double)n * 1e6 / (double)took));
    printf("%-24s %12s objects/s  %7.1f MB/s  (%zu B each, sum %zu)\n", name,
           gw_buf_cstr(&count), (double)bytes / (double)took, bytes / n,
           sum / (n / OBJECTS));
    gw_buf_clear(&count);
    gw_buf_clear(&out);
    gw_arena_clear(&arena);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    gw_slice *objects = gw_calloc(OBJECTS, sizeof(*objects));
    gw_arena arena;
    gw_buf buf = {0};

    gw_arena_init(&arena);
    for (unsigned i = 0; i < OBJECTS; i++) {
        buf.len = 0;
        put_object(&buf, i);
        objects[i] = gw_arena_dup(&arena, gw_buf_as_slice(&buf));
    }
    measure("split and validate", split, objects, (int64_t)(seconds * 1e6));
    measure("rename one field", rename_field, objects,
            (int64_t)(seconds * 1e6));
    gw_buf_clear(&buf);
    gw_arena_clear(&arena);
    free(objects);
    return 0;
}
