/* SPDX-License-Identifier: Apache-2.0 */
/** Every limit on what comes from outside, in one place. */
#ifndef GW_BASE_LIMITS_H
#define GW_BASE_LIMITS_H

#define GW_KIB 1024
#define GW_MIB 1048576
#define GW_GIB (INT64_C(1024) * GW_MIB)

/* store and NDJSON */
#define GW_LIMIT_FQID 48                    /* characters */
#define GW_LIMIT_FIELD_NAME 1024            /* bytes */
#define GW_LIMIT_JSON_DEPTH 512             /* nested lists, objects */
#define GW_LIMIT_EVENT_DATA (64 * GW_MIB)   /* bytes of one event */
#define GW_LIMIT_MODEL_BYTES (256 * GW_MIB) /* one model's fields */
#define GW_LIMIT_FIELDS 65535               /* fields of one model */
#define GW_LIMIT_POSITION_EVENTS 1000000    /* events of a position */
#define GW_LIMIT_LINE (256 * GW_MIB)        /* one NDJSON line */
#define GW_LIMIT_COLLECTIONS 65535          /* in one store */

/* migrations */
#define GW_LIMIT_MIGRATIONS 9998              /* NNNN from 0002 */
#define GW_LIMIT_MIGRATION_FILE (16 * GW_MIB) /* bytes */
#define GW_LIMIT_RULES 10000                  /* rules of one file */
#define GW_LIMIT_MIGRATION_OUTPUT 1000000     /* events from one call */

/* command line */
#define GW_LIMIT_JSON_OUTPUT (64 * GW_MIB) /* "output" under --json */

/* the server */
#define GW_LIMIT_RUN_OUTPUT (4 * GW_MIB)    /* "output" of one run */
#define GW_LIMIT_HISTORY 10000              /* runs that are kept */
#define GW_LIMIT_RUN_FILES 20               /* … with their output */
#define GW_LIMIT_JOURNAL_LINE (64 * GW_KIB) /* one record, in a store too */
#define GW_LIMIT_SECRET 4096                /* bytes of the secret */
#define GW_LIMIT_HTTP_BODY (64 * GW_KIB)    /* of a request */
#define GW_LIMIT_HTTP_SKIPPED GW_MIB        /* of a refused request */
#define GW_LIMIT_HTTP_HEAD (32 * GW_KIB)    /* request line, headers */
#define GW_LIMIT_HTTP_CONNECTIONS 2048
#define GW_LIMIT_HTTP_PER_ADDRESS 1024
#define GW_LIMIT_HTTP_STREAMS 64 /* of events, at a time */
#define GW_LIMIT_HTTP_PAGE 200   /* runs in one answer */
#define GW_LIMIT_PREVIEW_POSITIONS 100
#define GW_LIMIT_PREVIEW_BYTES (4 * GW_MIB)    /* of one preview */
#define GW_LIMIT_PREVIEW_MEMORY (512 * GW_MIB) /* for its models */
#define GW_LIMIT_PREVIEW_MS 10000
#define GW_LIMIT_PENDING 100        /* migrations that are listed */
#define GW_LIMIT_HTTP_HEAD_MS 20000 /* to send the headers */
#define GW_LIMIT_HTTP_BODY_MS 10000 /* to send the body */

/* asking other servers */
#define GW_LIMIT_NET_ANSWER ((size_t)16 * GW_MIB) /* one answer */
#define GW_LIMIT_NET_ERROR ((size_t)64 * GW_KIB)  /* kept of an error's page */

#define GW_LIMIT_NOTICE_MS 300000 /* for a command of manage to end */

/* imports */
#define GW_LIMIT_SOURCE_ANSWER ((size_t)64 * GW_MIB) /* but for lists */
#define GW_LIMIT_SOURCE_PAGE ((size_t)16 * GW_MIB)   /* of messages */
#define GW_LIMIT_SOURCE_ROW ((size_t)GW_MIB)         /* of a list */
#define GW_LIMIT_SOURCE_ROWS UINT32_MAX              /* of a list */
#define GW_LIMIT_SOURCE_URL 1024                     /* bytes */
#define GW_LIMIT_SOURCE_KEY 1024                     /* bytes of an id */

/* defaults a user may change */
#define GW_DEFAULT_NET_CONNECT_MS 10000
#define GW_DEFAULT_NET_MS 60000                   /* for a whole answer */
#define GW_DEFAULT_MEMORY ((size_t)4096 * GW_MIB) /* for models */
#define GW_DEFAULT_LUA_MEMORY ((size_t)256 * GW_MIB)
#define GW_DEFAULT_LUA_SECONDS 10 /* per call */
#define GW_DEFAULT_BATCH_SQLITE ((size_t)128 * GW_KIB)
#define GW_DEFAULT_BATCH_PG ((size_t)GW_MIB)
#define GW_COMMIT_BYTES ((size_t)32 * GW_MIB) /* many batches, while alone */
#define GW_DEFAULT_KEYFRAME_EVENTS 4000000    /* between two saves */

#endif
