/* SPDX-License-Identifier: MIT */
/*
 * stream.h — the body of an answer that is written as it comes: a buffer between a writer, which is whoever has news,
 * and a reader, which is the exchange. A reader that is too far behind or stuck is cut. Knows nothing of connections.
 * Loop thread only.
 */
#ifndef ANOMALYD_API_HTTP_STREAM_H
#define ANOMALYD_API_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STREAM_HEARTBEAT_MS = 15 * 1000, STREAM_STUCK_MS = 60 * 1000, STREAM_BEHIND_MAX = 256 * 1024 };

typedef struct stream stream;

/* Borrows `heartbeat`, which is written to a stream that has been silent for STREAM_HEARTBEAT_MS. Calls closed(context)
 * once, when nobody reads any more: nothing may be written from then on. Returns new; owned by the response that it is
 * put into. NULL when memory is out. */
stream *stream_new(const char *heartbeat, void (*closed)(void *context), void *context);
/* Closes it and frees it; s may be NULL. */
void stream_free(stream *s);

/* ---- the writer's side */

/* Copies the bytes. Until the stream has a reader they may be as many as there are. */
void stream_write(stream *s, const char *bytes, size_t size);
/* Nothing follows: the stream ends once all has been read. */
void stream_finish(stream *s);
/* True when nothing waits to be read. */
bool stream_empty(const stream *s);

/* ---- the reader's side */

/* What stream_read returns in place of a number of bytes. */
enum {
    STREAM_SILENT = 0, /* there will be more: changed(context) tells when */
    STREAM_ENDED = -1,
    STREAM_CUT = -2
};

/* Sets who is told of every change. From now on the reader must keep up with the writer. */
void stream_attach(stream *s, void (*changed)(void *context), void *context);
/* The context that stream_attach was given; NULL when the stream is closed. */
void *stream_reader(const stream *s);
bool stream_is_cut(const stream *s);
/* Moves at most `size` bytes into out and returns their number, or one of the above. */
ssize_t stream_read(stream *s, char *out, size_t size);
/* To be called every now and then: cuts a reader that is stuck, writes a heartbeat for one that waits. */
void stream_tick(stream *s, int64_t now_ms, bool reader_waits);
/* The reader has left: tells the writer. */
void stream_close(stream *s);

#endif
