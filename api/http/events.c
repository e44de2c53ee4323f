/* SPDX-License-Identifier: MIT */
/*
 * events.c — GET /jobs/{id}/events. The response's reader takes from one buffer; with nothing in it the connection
 * is suspended (a reader that returns nothing would be asked again at once) and watched for the client's leaving.
 */
#include "api/http/events.h"

#include "api/http/inside.h"
#include "api/resources/resources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { STREAM_BLOCK_BYTES = 16 * 1024, STREAM_STUCK_MS = 60 * 1000, STREAM_BUFFER_BYTES_LEAST = 4096 };

struct stream {
    request *request; /* NULL once detached */
    const service *host;
    void *subscription; /* NULL when there is none */
    char *buffer;
    size_t start, end, capacity; /* unread: start … end */
    size_t behind_max;
    uint64_t after; /* what the client has seen */
    bool replaying; /* old events are no one's fault */
    bool ended, cut;
    int64_t touched_ms; /* when the reader last took something, or the buffer was empty */
};

static void cut(stream *s)
{
    s->cut = true;
    if (!s->request)
        return;
    if (s->request->suspended)
        request_resume(s->request);
    else if (s->request->answered)
        shutdown(s->request->peer->descriptor, SHUT_RDWR);
}

static void append(stream *s, const char *text, size_t size)
{
    if (s->cut)
        return;
    if (s->start == s->end)
        s->touched_ms = server_now_ms();
    if (size > s->capacity - s->end && s->start > 0) {
        memmove(s->buffer, s->buffer + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    if (size > s->capacity - s->end) {
        size_t capacity = s->capacity ? s->capacity : STREAM_BUFFER_BYTES_LEAST;
        while (capacity - s->end < size)
            capacity *= 2;
        char *grown = realloc(s->buffer, capacity);
        if (!grown) {
            cut(s);
            return;
        }
        s->buffer = grown;
        s->capacity = capacity;
    }
    memcpy(s->buffer + s->end, text, size);
    s->end += size;
    if (!s->replaying && s->end - s->start > s->behind_max)
        cut(s);
}

static void sink(void *context, const job_event *event)
{
    stream *s = context;
    char head[96];
    s->ended |= event->last;
    if (event->number <= s->after)
        return;
    int n = snprintf(head, sizeof head, "id: %" PRIu64 "\nevent: %.32s\ndata: ", event->number, event->type);
    append(s, head, (size_t)n);
    append(s, event->data, strcspn(event->data, "\r\n"));
    append(s, "\n\n", 2);
    if (s->request && s->request->stream && s->request->suspended)
        request_resume(s->request);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size)
{
    (void)position;
    stream *s = context;
    if (!s->request || s->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = s->end - s->start;
    if (n > size)
        n = size;
    if (n > 0) {
        memcpy(out, s->buffer + s->start, n);
        s->start += n;
        s->touched_ms = server_now_ms();
        if (s->start == s->end)
            s->start = s->end = 0;
        return (ssize_t)n;
    }
    if (s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    request_suspend(s->request);
    request_watch(s->request);
    return 0;
}

void stream_tick(stream *s, int64_t now_ms)
{
    if (s->start < s->end && now_ms - s->touched_ms > STREAM_STUCK_MS)
        cut(s);
    if (s->start == s->end && now_ms - s->touched_ms >= STREAM_HEARTBEAT_MS && s->request->suspended) {
        append(s, ": still here\n\n", 14);
        request_resume(s->request);
    }
}

void stream_end(stream *s)
{
    s->ended = true;
    if (s->request && s->request->suspended)
        request_resume(s->request);
}

void stream_detach(stream *s)
{
    if (s->subscription)
        s->host->job_unwatch(s->host->self, s->subscription);
    s->subscription = NULL;
    if (s->request)
        s->request->stream = NULL;
    s->request = NULL;
}

static void stream_free(void *context)
{
    stream *s = context;
    stream_detach(s);
    free(s->buffer);
    free(s);
}

/* The number after which the client wants to go on. */
static bool read_last_id(request *r, uint64_t *after)
{
    const char *text = request_header(r, "Last-Event-ID");
    *after = 0;
    if (!text)
        return true;
    if (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 19) {
        *after = strtoull(text, NULL, 10);
        return true;
    }
    problem p = {0};
    problem_set(&p, 400, "Last-Event-ID: '%.32s' is not the number of an event", text);
    request_reply_problem(r, &p);
    return false;
}

static bool job_over(request *r)
{
    error e = {0};
    job_row row = {0};
    if (!r->host->job_get(r->host->self, r->match.parameters[0], &row, &e))
        return true;
    enum job_state state = row.state;
    job_row_free(&row);
    return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED;
}

static stream *stream_new(request *r, uint64_t after)
{
    error e = {0};
    stream *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(&e, "an event stream");
        request_reply_error(r, &e, PROBLEM_REQUEST);
        return NULL;
    }
    s->request = r;
    s->host = r->host;
    s->after = after;
    s->replaying = true;
    s->touched_ms = server_now_ms();
    s->subscription = r->host->job_watch(r->host->self, r->match.parameters[0], after, sink, s, &e);
    if (!s->subscription) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        stream_free(s);
        return NULL;
    }
    s->replaying = false;
    s->behind_max = STREAM_BEHIND_MAX + (s->end - s->start);
    return s;
}

void get_job_events(request *r)
{
    uint64_t after;
    stream *s = read_last_id(r, &after) ? stream_new(r, after) : NULL;
    if (!s)
        return;
    if (s->start == s->end && (s->ended || job_over(r))) {
        stream_free(s);
        request_reply_const(r, 204, "text/event-stream", "", 0);
        return;
    }
    struct MHD_Response *reply =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, s, stream_free);
    if (!reply)
        stream_free(s);
    else {
        r->stream = s;
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
        MHD_add_response_header(reply, "X-Accel-Buffering", "no");
    }
    request_reply_response(r, 200, reply);
}
