/* SPDX-License-Identifier: Apache-2.0 */
/** Lists too large for memory: parsed as they arrive, kept in a temporary
 *  file, and judged by the order that the source keeps them in. */
#ifndef GW_SOURCE_ROWS_PRIV_H
#define GW_SOURCE_ROWS_PRIV_H

#include <stdio.h>

#include "base/json.h"

/** Texts in a file without a name, read back in the same order. */
typedef struct gw_rows {
    FILE *file; /* NULL until the first */
    gw_buf row; /* the one read last */
    size_t n;
} gw_rows;

GW_MUST_CHECK gw_code gw_rows_add(gw_rows *rows, gw_slice text, gw_error *err);
/** Back to the first one, for reading; or to none, for writing anew. */
GW_MUST_CHECK gw_code gw_rows_rewind(gw_rows *rows, gw_error *err);
GW_MUST_CHECK gw_code gw_rows_empty(gw_rows *rows, gw_error *err);
/** The next one, which lives until the one after; *has false at the end. */
GW_MUST_CHECK gw_code gw_rows_next(gw_rows *rows, gw_slice *out, bool *has,
                                   gw_error *err);
void gw_rows_clear(gw_rows *rows);

/** What stands for a NUL in texts that cannot hold one: a character that
 *  stands for nothing (U+FDD0). */
#define GW_LIST_NUL "\xEF\xB7\x90"

/** Takes apart a JSON list of flat objects, in pieces of any size. */
typedef struct gw_list gw_list;

/** `row` gets each object as JSON: its members as they came, strings decoded
 *  and encoded again, NULs as GW_LIST_NUL. It lives for the call. */
gw_list *gw_list_new(gw_code (*row)(void *arg, gw_slice object, gw_error *err),
                     void *arg);
void gw_list_free(gw_list *list);
/** Errors: GW_E_INPUT for what is no such list, with the byte at which;
 *  GW_E_LIMIT for a row longer than GW_LIMIT_SOURCE_ROW; those of `row`. */
GW_MUST_CHECK gw_code gw_list_feed(gw_list *list, gw_slice bytes,
                                   gw_error *err);
/** Errors: GW_E_INPUT when the list is not whole. */
GW_MUST_CHECK gw_code gw_list_end(gw_list *list, gw_error *err);

/** What the order of a list says about a row. */
typedef enum gw_trust {
    GW_TRUST_FITS,      /* it stands where its id belongs */
    GW_TRUST_BREAKS,    /* it does not: its id is not the real one */
    GW_TRUST_AMBIGUOUS, /* it or another one does not */
} gw_trust;

/**
 * Judges rows by the slots of their ids, which the real ones ascend by.
 *
 * Rows that are in every longest ascending choice of rows fit, those in none
 * of them break the order, those in some are ambiguous.
 */
void gw_trust_judge(const uint8_t *slots, size_t n, uint8_t *verdicts);

#endif
