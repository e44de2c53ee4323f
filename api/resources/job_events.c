/* SPDX-License-Identifier: MIT */
/* job_events.c — GET /jobs/{id}/events: what happens to a job, as a stream of Server-Sent Events. */
#include "api/resources/routes.h"
#include "api/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One client that follows a job. */
typedef struct follower {
    const service *service;
    stream *stream;     /* owns the follower */
    void *subscription; /* NULL when there is none */
    uint64_t after;     /* the last event that the client has seen */
    bool job_ended;
} follower;

static void on_event(void *context, const job_event *event)
{
    follower *f = context;
    char head[96];
    if (event->number > f->after) {
        int n = snprintf(head, sizeof head, "id: %" PRIu64 "\nevent: %.32s\ndata: ", event->number, event->type);
        stream_write(f->stream, head, (size_t)n);
        stream_write(f->stream, event->data, strcspn(event->data, "\r\n")); /* so that data cannot forge events */
        stream_write(f->stream, "\n\n", 2);
    }
    if (!event->last)
        return;
    f->job_ended = true;
    stream_finish(f->stream);
}

static void on_closed(void *context)
{
    follower *f = context;
    if (f->subscription)
        f->service->job_unwatch(f->service->self, f->subscription);
    free(f);
}

/* The number of the event after which the client wants to go on. */
static bool read_last_id(const exchange *x, uint64_t *after, problem *p)
{
    const char *text = request_header(exchange_request(x), "Last-Event-ID");
    *after = 0;
    if (!text)
        return true;
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) >= 19)
        return problem_set(p, 400, "Last-Event-ID: '%.32s' is not the number of an event", text);
    *after = strtoull(text, NULL, 10);
    return true;
}

/* A follower whose stream holds the events so far. NULL and *e. */
static follower *follow(const service *s, const char *id, uint64_t after, error *e)
{
    follower *f = calloc(1, sizeof *f);
    if (!f || !(f->stream = stream_new(": still here\n\n", on_closed, f))) {
        free(f);
        error_memory(e, "an event stream");
        return NULL;
    }
    f->service = s;
    f->after = after;
    f->subscription = s->job_watch(s->self, id, after, on_event, f, e);
    if (f->subscription)
        return f;
    stream_free(f->stream);
    return NULL;
}

static bool job_over(const service *s, const char *id)
{
    error e = {0};
    job_row row = {0};
    if (!s->job_get(s->self, id, &row, &e))
        return true;
    enum job_state state = row.state;
    job_row_free(&row);
    return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED;
}

void get_job_events(exchange *x)
{
    const service *s = exchange_service(x);
    const char *id = request_parameter(exchange_request(x), "id");
    uint64_t after;
    problem p = {0};
    error e = {0};
    if (!read_last_id(x, &after, &p)) {
        exchange_answer_problem(x, &p);
        return;
    }
    follower *f = follow(s, id, after, &e);
    if (!f) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        return;
    }
    response a = {.status = 200, .media_type = "text/event-stream", .stream = f->stream};
    if (stream_empty(f->stream) && (f->job_ended || job_over(s, id))) {
        response_free(&a);
        a = (response){.status = 204, .media_type = "text/event-stream", .bytes = ""}; /* do not ask again */
    } else {
        response_add_header(&a, "X-Accel-Buffering", "no");
    }
    exchange_answer(x, &a);
}
