/* SPDX-License-Identifier: MIT */
/*
 * events.h — a job's events as a Server-Sent Events stream. Idle streams are suspended; a comment every 15 s finds
 * clients that have left; a reader too far behind is cut.
 */
#ifndef ANOMALYD_API_HTTP_EVENTS_H
#define ANOMALYD_API_HTTP_EVENTS_H

#include "api/http/request.h"

enum { STREAM_HEARTBEAT_MS = 15 * 1000, STREAM_BEHIND_MAX = 256 * 1024 };

typedef struct stream stream;

/* Called every now and then. */
void stream_tick(stream *s, int64_t now_ms);
/* Nothing follows: ends when what was written has been read. */
void stream_end(stream *s);
/* The request is over: no callback touches it any more. */
void stream_detach(stream *s);

#endif
