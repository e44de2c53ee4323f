/* SPDX-License-Identifier: MIT */
/* stream.c — see stream.h. */
#include "api/http/stream.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_BUFFER_BYTES_MIN = 4096 };

struct stream {
    const char *heartbeat;
    void (*tell_closed)(void *writer);
    void *writer;
    void (*tell_changed)(void *reader); /* NULL before it is attached, and once it is closed */
    void *reader;
    char *buffer;                /* owned */
    size_t start, end, capacity; /* unread: start … end */
    size_t behind_max;
    bool finished, cut, closed;
    int64_t touched_ms; /* when the reader last took something, or the buffer was empty */
};

stream *stream_new(const char *heartbeat, void (*closed)(void *context), void *context)
{
    stream *s = malloc(sizeof *s);
    if (s)
        *s = (stream){.heartbeat = heartbeat,
                      .tell_closed = closed,
                      .writer = context,
                      .behind_max = SIZE_MAX,
                      .touched_ms = clock_now_ms()};
    return s;
}

void stream_free(stream *s)
{
    if (!s)
        return;
    stream_close(s);
    free(s->buffer);
    free(s);
}

static void tell_reader(const stream *s)
{
    if (s->tell_changed)
        s->tell_changed(s->reader);
}

static void cut(stream *s)
{
    s->cut = true;
    tell_reader(s);
}

static bool make_room(stream *s, size_t size)
{
    if (size > s->capacity - s->end && s->start > 0) {
        memmove(s->buffer, s->buffer + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    if (size <= s->capacity - s->end)
        return true;
    size_t capacity = s->capacity ? s->capacity : STREAM_BUFFER_BYTES_MIN;
    while (capacity - s->end < size)
        capacity *= 2;
    char *grown = realloc(s->buffer, capacity);
    if (!grown)
        return false;
    s->buffer = grown;
    s->capacity = capacity;
    return true;
}

void stream_write(stream *s, const char *bytes, size_t size)
{
    if (stream_is_cut(s))
        return;
    if (s->start == s->end)
        s->touched_ms = clock_now_ms();
    if (!make_room(s, size)) {
        cut(s);
        return;
    }
    memcpy(s->buffer + s->end, bytes, size);
    s->end += size;
    if (s->end - s->start > s->behind_max)
        cut(s);
    else
        tell_reader(s);
}

void stream_finish(stream *s)
{
    s->finished = true;
    tell_reader(s);
}

bool stream_empty(const stream *s)
{
    return s->start == s->end;
}

void stream_attach(stream *s, void (*changed)(void *context), void *context)
{
    s->tell_changed = changed;
    s->reader = context;
    /* What was written before is nobody's delay. */
    s->behind_max = STREAM_BEHIND_MAX + (s->end - s->start);
}

void *stream_reader(const stream *s)
{
    return s->reader;
}

bool stream_is_cut(const stream *s)
{
    return s->cut || s->closed;
}

ssize_t stream_read(stream *s, char *out, size_t size)
{
    size_t n = s->end - s->start;
    if (stream_is_cut(s))
        return STREAM_CUT;
    if (n == 0)
        return s->finished ? STREAM_ENDED : STREAM_SILENT;
    if (n > size)
        n = size;
    memcpy(out, s->buffer + s->start, n);
    s->start += n;
    s->touched_ms = clock_now_ms();
    if (s->start == s->end)
        s->start = s->end = 0;
    return (ssize_t)n;
}

void stream_tick(stream *s, int64_t now, bool reader_waits)
{
    if (!stream_empty(s) && now - s->touched_ms > STREAM_STUCK_MS)
        cut(s);
    else if (stream_empty(s) && now - s->touched_ms >= STREAM_HEARTBEAT_MS && reader_waits)
        stream_write(s, s->heartbeat, strlen(s->heartbeat));
}

void stream_close(stream *s)
{
    if (s->closed)
        return;
    s->closed = true;
    s->tell_changed = NULL;
    s->reader = NULL;
    s->tell_closed(s->writer);
}
