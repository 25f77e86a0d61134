/* SPDX-License-Identifier: Apache-2.0 */
/* Checked allocation, arenas and buffers. Nothing here limits how much: the
 * callers do, by limits.h. */
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_ALIGN = 16,
    ARENA_FIRST_CHUNK = 16 * 1024,
    ARENA_LAST_CHUNK = 1024 * 1024, /* chunks double up to this */
    BUF_FIRST_ROOM = 64,
};

static _Noreturn void
die_out_of_memory(size_t size_bytes)
{
    (void)fprintf(stderr, "godwit: out of memory (%zu bytes wanted)\n",
                  size_bytes);
    abort();
}

static size_t
add_or_die(size_t a, size_t b)
{
    size_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        die_out_of_memory(SIZE_MAX);
    return sum;
}

void *
gw_malloc(size_t size_bytes)
{
    void *p = malloc(size_bytes ? size_bytes : 1);

    if (!p)
        die_out_of_memory(size_bytes);
    return p;
}

void *
gw_calloc(size_t n, size_t size_bytes)
{
    void *p = calloc(n ? n : 1, size_bytes ? size_bytes : 1);

    if (!p)
        die_out_of_memory(n > SIZE_MAX / (size_bytes ? size_bytes : 1)
                              ? SIZE_MAX
                              : n * size_bytes);
    return p;
}

void *
gw_realloc(void *old, size_t size_bytes)
{
    void *p = realloc(old, size_bytes ? size_bytes : 1);

    if (!p)
        die_out_of_memory(size_bytes);
    return p;
}

char *
gw_strdup(const char *text)
{
    size_t size_bytes = strlen(text) + 1;

    return memcpy(gw_malloc(size_bytes), text, size_bytes);
}

int
gw_slice_compare(gw_slice a, gw_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Chunks before `current` are full, those after it are free. */
struct gw_arena_chunk {
    struct gw_arena_chunk *next;
    size_t room, used;
    _Alignas(ARENA_ALIGN) char data[];
};

void
gw_arena_init(gw_arena *arena)
{
    *arena = (gw_arena){0};
}

void
gw_arena_reset(gw_arena *arena)
{
    arena->current = arena->first;
    if (arena->first)
        arena->first->used = 0;
    arena->used_bytes = 0;
}

void
gw_arena_clear(gw_arena *arena)
{
    for (struct gw_arena_chunk *c = arena->first, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *arena = (gw_arena){0};
}

/* The smallest kept chunk that is big enough, taken out of the free ones.
 * With just the next one, other sizes or another order of the same sizes
 * would add a chunk each time. */
static struct gw_arena_chunk *
take_free_chunk(gw_arena *arena, size_t size_bytes)
{
    if (!arena->current)
        return NULL;

    struct gw_arena_chunk **best = NULL, *found = NULL;
    for (struct gw_arena_chunk **link = &arena->current->next; *link;
         link = &(*link)->next)
        if ((*link)->room >= size_bytes &&
            (!best || (*link)->room < (*best)->room))
            best = link;
    if (best) {
        found = *best;
        *best = found->next;
    }
    return found;
}

static struct gw_arena_chunk *
new_chunk(const gw_arena *arena, size_t size_bytes)
{
    size_t room = ARENA_FIRST_CHUNK;

    if (arena->current)
        room = 2 * arena->current->room;
    if (room > ARENA_LAST_CHUNK)
        room = ARENA_LAST_CHUNK;
    if (room < size_bytes)
        room = size_bytes;

    struct gw_arena_chunk *chunk = gw_malloc(add_or_die(sizeof(*chunk), room));
    chunk->room = room;
    return chunk;
}

static void
next_chunk(gw_arena *arena, size_t size_bytes)
{
    struct gw_arena_chunk *chunk = take_free_chunk(arena, size_bytes);

    if (!chunk)
        chunk = new_chunk(arena, size_bytes);
    chunk->used = 0;
    if (arena->current) {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    } else {
        chunk->next = NULL;
        arena->first = chunk;
    }
    arena->current = chunk;
}

void *
gw_arena_alloc(gw_arena *arena, size_t size_bytes)
{
    size_t size =
        add_or_die(size_bytes, ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    if (!arena->current || arena->current->room - arena->current->used < size)
        next_chunk(arena, size);

    void *p = arena->current->data + arena->current->used;
    arena->current->used += size;
    arena->used_bytes += size;
    return p;
}

void *
gw_arena_zalloc(gw_arena *arena, size_t size_bytes)
{
    return memset(gw_arena_alloc(arena, size_bytes), 0, size_bytes);
}

gw_slice
gw_arena_dup(gw_arena *arena, gw_slice text)
{
    if (!text.at)
        return text;

    char *copy = gw_arena_alloc(arena, add_or_die(text.len, 1));
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return (gw_slice){copy, text.len};
}

char *
gw_arena_printf(gw_arena *arena, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    size_t size_bytes = n < 0 ? 1 : (size_t)n + 1;
    char *text = gw_arena_alloc(arena, size_bytes);
    text[0] = '\0';
    va_start(args, fmt);
    (void)vsnprintf(text, size_bytes, fmt, args);
    va_end(args);
    return text;
}

char *
gw_buf_reserve(gw_buf *buf, size_t n)
{
    if (buf->room - buf->len < n) {
        size_t need = add_or_die(buf->len, n);
        size_t room = buf->room ? buf->room : BUF_FIRST_ROOM;

        while (room < need)
            room = room > SIZE_MAX / 2 ? need : 2 * room;
        buf->at = gw_realloc(buf->at, room);
        buf->room = room;
    }
    return buf->at + buf->len;
}

void
gw_buf_add(gw_buf *buf, const char *bytes, size_t n)
{
    if (n == 0)
        return;
    memcpy(gw_buf_reserve(buf, n), bytes, n);
    buf->len += n;
}

void
gw_buf_text(gw_buf *buf, const char *text)
{
    gw_buf_add(buf, text, strlen(text));
}

void
gw_buf_slice(gw_buf *buf, gw_slice s)
{
    gw_buf_add(buf, s.at, s.len);
}

void
gw_buf_byte(gw_buf *buf, char byte)
{
    *gw_buf_reserve(buf, 1) = byte;
    buf->len++;
}

enum { DIGITS = 24 }; /* and a sign */

/* The number, at the end of the digits. */
static gw_slice
print_int(char digits[DIGITS], int64_t value)
{
    char *p = digits + DIGITS;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0)
        *--p = '-';
    return (gw_slice){p, (size_t)(digits + DIGITS - p)};
}

void
gw_buf_int(gw_buf *buf, int64_t value)
{
    char digits[DIGITS];

    gw_buf_slice(buf, print_int(digits, value));
}

gw_slice
gw_arena_int(gw_arena *arena, int64_t value)
{
    char digits[DIGITS];

    return gw_arena_dup(arena, print_int(digits, value));
}

void
gw_buf_printf(gw_buf *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n <= 0)
        return;

    char *to = gw_buf_reserve(buf, (size_t)n + 1);
    va_start(args, fmt);
    (void)vsnprintf(to, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)n;
}

const char *
gw_buf_cstr(gw_buf *buf)
{
    *gw_buf_reserve(buf, 1) = '\0';
    return buf->at;
}

gw_slice
gw_buf_as_slice(const gw_buf *buf)
{
    /* empty, which is not the same as none */
    return (gw_slice){buf->at ? buf->at : "", buf->len};
}

void
gw_buf_clear(gw_buf *buf)
{
    free(buf->at);
    *buf = (gw_buf){0};
}
