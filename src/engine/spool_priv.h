/* SPDX-License-Identifier: Apache-2.0 */
/** Texts with a key, given out in byte order of their keys.
 *
 *  The store visits the models of a collection by number: user/2 before
 *  user/10. In byte order it is the other way round, but ids of equal length
 *  are in order already. So what comes in is a handful of sorted runs, which
 *  are kept in a temporary file and merged: memory does not grow with the
 *  number of models. */
#ifndef GW_ENGINE_SPOOL_PRIV_H
#define GW_ENGINE_SPOOL_PRIV_H

#include <stdio.h>

#include "base/mem.h"

typedef struct gw_spool_run {
    size_t at, end;  /* offsets of the record to give out next, of the end */
    size_t body_len; /* of the record at `at`, whose key is loaded */
    size_t key_len;
    char key[64];
} gw_spool_run;

/** Zero-initialised is empty. */
typedef struct gw_spool {
    gw_buf tail; /* the last records, from offset `in_file` */
    size_t in_file;
    FILE *file; /* or NULL: everything fitted the tail */
    gw_spool_run *runs;
    size_t n, room;
    gw_buf last_key; /* of the record added last */
} gw_spool;

void gw_spool_clear(gw_spool *spool);
/** Keys of at most 64 bytes, each once. Errors: GW_E_STORE when there is no
 *  room for temporary files. */
GW_MUST_CHECK gw_code gw_spool_add(gw_spool *spool, gw_slice key, gw_slice body,
                                   gw_error *err);
/** Calls `put` with every body, in pieces; is_first marks the first piece
 *  of one. The spool is empty afterwards. */
GW_MUST_CHECK gw_code gw_spool_merge(gw_spool *spool,
                                     gw_code (*put)(void *arg, gw_slice piece,
                                                    bool is_first,
                                                    gw_error *err),
                                     void *arg, gw_error *err);

#endif
