/* SPDX-License-Identifier: Apache-2.0 */
/** Memory: checked allocation, arenas, slices and growing buffers.
 *  Out of memory aborts with a message; inputs are limited in limits.h. */
#ifndef GW_BASE_MEM_H
#define GW_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define GW_NOT_NULL __attribute__((returns_nonnull))

/** malloc, calloc and realloc that abort when there is no memory. */
GW_NOT_NULL void *gw_malloc(size_t size_bytes);
GW_NOT_NULL void *gw_calloc(size_t n, size_t size_bytes);
GW_NOT_NULL void *gw_realloc(void *old, size_t size_bytes);
GW_NOT_NULL char *gw_strdup(const char *text);

/** Bytes that belong to somebody else; `at` NULL means "none". */
typedef struct gw_slice {
    const char *at;
    size_t len;
} gw_slice;

#define GW_LIT(text) ((gw_slice){(text), sizeof(text) - 1})
/* for printf("%.*s") */
#define GW_FMT(s) (int)(s).len, (s).at

static inline gw_slice
gw_slice_of(const char *text)
{
    return (gw_slice){text, text ? strlen(text) : 0};
}

static inline bool
gw_slice_equal(gw_slice a, gw_slice b)
{
    /* names that differ mostly do so in length or at the end: field_12 */
    return a.len == b.len &&
           (a.len == 0 || (a.at[a.len - 1] == b.at[a.len - 1] &&
                           memcmp(a.at, b.at, a.len) == 0));
}

/** Byte order, the shorter first when one begins the other. */
int gw_slice_compare(gw_slice a, gw_slice b);

/** A bump allocator: everything in it dies together. */
typedef struct gw_arena {
    struct gw_arena_chunk *first, *current;
    size_t used_bytes; /* handed out since the last reset */
} gw_arena;

void gw_arena_init(gw_arena *arena);
/** Forgets what was handed out, keeps the chunks for the next use. */
void gw_arena_reset(gw_arena *arena);
/** Gives all memory back. */
void gw_arena_clear(gw_arena *arena);
/** 16-byte aligned, uninitialised. */
void *gw_arena_alloc(gw_arena *arena, size_t size_bytes);
void *gw_arena_zalloc(gw_arena *arena, size_t size_bytes);
/** A copy with a NUL behind it (not counted in len). */
gw_slice gw_arena_dup(gw_arena *arena, gw_slice text);
/** The number in decimal digits. */
gw_slice gw_arena_int(gw_arena *arena, int64_t value);
char *gw_arena_printf(gw_arena *arena, const char *fmt, ...) GW_PRINTF(2, 3);
#define GW_ARENA_NEW(arena, type, n)                                           \
    ((type *)gw_arena_alloc((arena), sizeof(type) * (n)))

/** A growing byte buffer; zero-initialised is empty. */
typedef struct gw_buf {
    char *at;
    size_t len, room;
} gw_buf;

void gw_buf_add(gw_buf *buf, const char *bytes, size_t n);
void gw_buf_text(gw_buf *buf, const char *text);
void gw_buf_slice(gw_buf *buf, gw_slice s);
void gw_buf_byte(gw_buf *buf, char byte);
void gw_buf_int(gw_buf *buf, int64_t value);
void gw_buf_printf(gw_buf *buf, const char *fmt, ...) GW_PRINTF(2, 3);
/** NUL behind the bytes (not counted); returns `at`. */
const char *gw_buf_cstr(gw_buf *buf);
/** Makes room for n more bytes and returns where they go. */
char *gw_buf_reserve(gw_buf *buf, size_t n);
gw_slice gw_buf_as_slice(const gw_buf *buf);
void gw_buf_clear(gw_buf *buf);

#endif
