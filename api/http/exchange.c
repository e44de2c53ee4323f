/* SPDX-License-Identifier: MIT */
/*
 * exchange.c — the life of an exchange inside libmicrohttpd: head, body, handler, wait, answer, end. Connections are
 * suspended and resumed here alone: handlers only say that they answer later, bodies and streams only that they have
 * nothing to do or have something again.
 */
#include "api/http/exchange_events.h"

#include "api/http/headers.h"
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONNECTION_IDLE_MS = 75 * 1000,       /* between two requests of a connection */
    ANSWER_READ_MS = 5 * 1000,            /* to read an answer that was given by the deadline */
    UPLOAD_BYTES_S_MIN = 16 * 1024,       /* the slowest upload that is waited for */
    DISCARD_BYTES_MAX = 16 * 1024 * 1024, /* of a refused body, read so that the client can read the refusal */
};

struct exchange {
    exchange_shared *shared;
    struct MHD_Connection *connection; /* NULL once the request is over, as the next is */
    struct connection *client;
    request *request;   /* owned */
    request_body *body; /* owned; NULL: there is none */
    int64_t started_us;

    unsigned holds;  /* the server's own, and one for each callback to come */
    bool dispatched; /* the handler was called */
    bool deferred;   /* the handler answers later */
    bool suspended;
    bool answered; /* the answer was handed to libmicrohttpd */
    bool gone;     /* nobody reads an answer any more */
    bool closing;  /* the connection is closed after the answer */
    bool varies;
    uint64_t discarded; /* bytes of a refused body */
    void *watch;        /* for the client's leaving, while suspended; NULL: none */

    struct MHD_Response *answer; /* given, and not handed on yet; owned */
    unsigned status;
    stream *stream; /* of the answer, whose owner is libmicrohttpd; NULL: none */

    void (*abandon)(void *context); /* NULL: nobody is to be told */
    void *abandon_context;
};

/* ---- what a handler may ask */

const request *exchange_request(const exchange *x)
{
    return x->request;
}

request_body *exchange_body(const exchange *x)
{
    return x->body;
}

const struct service *exchange_service(const exchange *x)
{
    return x->shared->config->service;
}

const struct server *exchange_server(const exchange *x)
{
    return x->shared->server;
}

void exchange_on_abandon(exchange *x, void (*abandon)(void *context), void *context)
{
    x->abandon = abandon;
    x->abandon_context = context;
}

void exchange_vary(exchange *x)
{
    x->varies = true;
}

/* ---- holds */

static exchange *exchange_new(exchange_shared *shared, struct MHD_Connection *c, const char *const line[3])
{
    char id[REQUEST_ID_MAX];
    exchange *x = calloc(1, sizeof *x);
    snprintf(id, sizeof id, "%s-%06" PRIx64, shared->instance, ++shared->requests);
    if (!x || !(x->request = request_new(c, line, id))) {
        free(x);
        return NULL;
    }
    x->shared = shared;
    x->connection = c;
    x->client = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    x->started_us = clock_now_us();
    x->holds = 1;
    x->client->exchange = x;
    connection_set_deadline(x->client, shared->config->request_deadline_ms);
    shared->unanswered++;
    shared->count++;
    return x;
}

void exchange_release(exchange *x)
{
    assert(x->holds > 0);
    if (--x->holds > 0)
        return;
    exchange_shared *shared = x->shared;
    if (x->answer)
        MHD_destroy_response(x->answer);
    body_free(x->body);
    request_free(x->request);
    free(x);
    shared->count--;
    shared->freed(shared->server);
}

void exchange_defer(exchange *x)
{
    x->deferred = true;
    x->holds++;
}

bool exchange_offload(exchange *x, void (*work)(void *), void (*after)(void *), void *context)
{
    const http_host *host = x->shared->config->host;
    if (host->offload(host->self, work, after, context)) {
        exchange_defer(x);
        return true;
    }
    problem p = {0};
    problem_set(&p, 503, "out of memory");
    exchange_answer_problem(x, &p);
    return false;
}

/* ---- suspending and resuming */

static void suspend(exchange *x)
{
    assert(!x->suspended);
    MHD_suspend_connection(x->connection);
    x->suspended = true;
}

static void unwatch(exchange *x)
{
    const http_host *host = x->shared->config->host;
    if (x->watch)
        host->unwatch_peer(host->self, x->watch);
    x->watch = NULL;
}

static void resume(exchange *x)
{
    unwatch(x);
    if (!x->suspended || !x->connection)
        return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
    x->shared->config->wake(x->shared->config->wake_context);
}

/* Whoever works on the answer is told that it is not wanted any more. */
static void abandon(exchange *x)
{
    void (*tell)(void *) = x->abandon;
    x->abandon = NULL;
    if (tell)
        tell(x->abandon_context);
}

static void client_left(void *context)
{
    exchange *x = context;
    x->gone = true;
    x->holds++;
    if (x->stream)
        stream_close(x->stream);
    resume(x);
    abandon(x);
    exchange_release(x);
}

/* A suspended connection is not read, so that its end must be watched for. */
static void suspend_and_watch(exchange *x)
{
    const http_host *host = x->shared->config->host;
    suspend(x);
    assert(!x->watch);
    x->watch = host->watch_peer(host->self, x->client->socket, client_left, x);
}

bool exchange_suspended(const exchange *x)
{
    return x->suspended;
}

static void body_ready(void *context)
{
    exchange *x = context;
    resume(x);
    exchange_release(x);
}

/* A busy body calls body_ready, never from inside a call. */
static void suspend_while_busy(exchange *x)
{
    if (!x->body || !body_busy(x->body))
        return;
    x->holds++;
    suspend(x);
}

/* ---- streams */

static void stream_changed(void *context)
{
    exchange *x = context;
    if (x->suspended)
        resume(x);
    else if (x->answered && stream_is_cut(x->stream))
        connection_cut(x->client);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size)
{
    (void)position;
    ssize_t n = stream_read(context, out, size);
    if (n == STREAM_SILENT) /* a reader that returns nothing is asked again at once, unless it is suspended */
        suspend_and_watch(stream_reader(context));
    return n == STREAM_ENDED ? MHD_CONTENT_READER_END_OF_STREAM
           : n == STREAM_CUT ? MHD_CONTENT_READER_END_WITH_ERROR
                             : n;
}

void exchange_on_tick(exchange *x, int64_t now_ms)
{
    if (x->stream)
        stream_tick(x->stream, now_ms, x->suspended);
}

/* ---- answers */

void exchange_answer(exchange *x, response *a)
{
    if (x->gone || x->answer || x->answered) {
        response_free(a);
        return;
    }
    x->abandon = NULL;
    a->varies |= x->varies;
    x->answer = response_build(a, read_stream);
    x->status = a->status;
    if (!x->answer) {
        x->gone = true; /* the connection is closed instead */
    } else {
        MHD_add_response_header(x->answer, "X-Request-Id", x->request->id);
        MHD_add_response_header(x->answer, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(x->answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        if (x->closing)
            MHD_add_response_header(x->answer, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    x->stream = a->stream;
    if (x->stream)
        stream_attach(x->stream, stream_changed, x);
    if (x->deferred)
        resume(x);
}

void exchange_answer_json(exchange *x, unsigned status, json_t *body)
{
    response a = response_json(status, body);
    exchange_answer(x, &a);
}

void exchange_answer_problem(exchange *x, problem *p)
{
    const http_host *host = x->shared->config->host;
    if (p->status == 429 && host->draining(host->self))
        p->status = 503;
    if (p->status >= 500)
        host->log(host->self, "warn", "%s %u %s", x->request->id, p->status, p->detail);
    response a = response_problem(p, x->request->path);
    exchange_answer(x, &a);
}

void exchange_answer_error(exchange *x, const error *e, enum problem_subject subject)
{
    problem p = {0};
    problem_of_error(&p, e, subject);
    exchange_answer_problem(x, &p);
}

static enum MHD_Result send_answer(exchange *x)
{
    struct MHD_Response *answer = x->answer;
    const route *to = x->request->match.route;
    x->answer = NULL;
    x->answered = true;
    if (x->stream)
        x->client->deadline_ms = 0;
    else if (to && to->patient)
        connection_set_deadline(x->client, x->shared->config->request_deadline_ms);
    enum MHD_Result queued = MHD_queue_response(x->connection, x->status, answer);
    MHD_destroy_response(answer);
    return queued;
}

/* ---- the calls of libmicrohttpd */

/* Whether the request may go on to its handler, as far as its head tells. */
static bool admit(exchange *x, const char *const line[3], problem *p)
{
    exchange_shared *shared = x->shared;
    if (!headers_check(x->connection, line, p)) {
        x->closing = true;
        return false;
    }
    body_setting setting = {
        .host = shared->config->host, .bytes_in_memory = &shared->bodies_bytes, .ready = body_ready, .context = x};
    if (!route_find(shared->config->routes, line[0], x->request->path, &x->request->match, p) ||
        !body_open(&x->body, x->request, &setting, p) || !request_read_query(x->request, p))
        return false;
    bool draining = shared->quiesced || shared->config->host->draining(shared->config->host->self);
    return !draining || x->request->match.route->open || problem_set(p, 503, "the daemon is stopping");
}

/* Only the head is there. What is refused now is answered at once when its body is not worth reading; else the body is
 * read and dropped, since a client that is still sending would lose the answer to a reset. */
static enum MHD_Result first_call(exchange *x, const char *const line[3])
{
    problem p = {0};
    if (admit(x, line, &p))
        return MHD_YES;
    uint64_t length = request_body_length(x->request);
    bool large = length != REQUEST_LENGTH_UNKNOWN && length > DISCARD_BYTES_MAX;
    x->closing |= large || request_header(x->request, MHD_HTTP_HEADER_EXPECT);
    exchange_answer_problem(x, &p);
    if (!x->answer)
        return MHD_NO;
    return x->closing ? send_answer(x) : MHD_YES;
}

static enum MHD_Result body_call(exchange *x, const char *data, size_t *size)
{
    problem p = {0};
    if (!x->answer) {
        size_t before = *size;
        if (!body_write(x->body, data, size, &p))
            exchange_answer_problem(x, &p);
        else if (x->request->match.route->patient)
            x->client->deadline_ms += (int64_t)(before - *size) * 1000 / UPLOAD_BYTES_S_MIN;
        suspend_while_busy(x);
        if (!x->answer)
            return x->gone ? MHD_NO : MHD_YES;
    }
    x->discarded += *size;
    *size = 0;
    return x->discarded > DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
}

/* The whole body has arrived: the handler is called once. False while the body is busy. */
static bool dispatch(exchange *x)
{
    problem p = {0};
    if (x->body && !body_finish(x->body, &p)) {
        suspend_while_busy(x);
        if (p.status)
            exchange_answer_problem(x, &p);
        return p.status != 0;
    }
    x->dispatched = true;
    if (x->request->match.route->patient)
        x->client->deadline_ms = 0;
    x->request->match.route->handle(x);
    return true;
}

enum MHD_Result exchange_on_call(exchange_shared *shared, struct MHD_Connection *c, const char *const line[3],
                                 const char *data, size_t *size, void **slot)
{
    exchange *x = *slot;
    if (!x) {
        *slot = x = exchange_new(shared, c, line);
        return x ? first_call(x, line) : MHD_NO;
    }
    if (x->gone)
        return MHD_NO;
    if (*size > 0)
        return body_call(x, data, size);
    if (!x->answer && !x->dispatched && !dispatch(x))
        return MHD_YES;
    if (x->answer)
        return send_answer(x);
    if (x->gone || !x->deferred)
        return MHD_NO;
    suspend_and_watch(x);
    return MHD_YES;
}

/* Answers in place of the handler, which is told that its answer is not wanted any more. */
static void answer_for_handler(exchange *x, problem *p)
{
    void (*tell)(void *) = x->abandon;
    x->holds++;
    exchange_answer_problem(x, p);
    if (tell)
        tell(x->abandon_context);
    exchange_release(x);
}

bool exchange_on_deadline(exchange *x)
{
    if (!x->suspended)
        return false;
    if (x->deferred && !x->answer) {
        problem p = {0};
        connection *client = x->client; /* the answer may be the end of the exchange */
        problem_set(&p, 504, "no answer within %u ms", x->shared->config->request_deadline_ms);
        answer_for_handler(x, &p);
        connection_set_deadline(client, ANSWER_READ_MS);
    }
    return true;
}

void exchange_on_drain(exchange *x)
{
    if (x->stream)
        stream_finish(x->stream);
    if (x->answered || x->answer)
        return;
    problem p = {0};
    problem_set(&p, 503, "the daemon is stopping");
    x->closing = true;
    answer_for_handler(x, &p);
}

void exchange_on_end(exchange *x)
{
    exchange_shared *shared = x->shared;
    const http_host *host = shared->config->host;
    const route *to = x->request->match.route;
    unsigned status = x->answered ? x->status : 499;
    int64_t duration_us = clock_now_us() - x->started_us;
    x->gone = true;
    unwatch(x);
    if (x->stream)
        stream_close(x->stream);
    x->stream = NULL;
    x->connection = NULL;
    x->request->connection = NULL; /* headers cannot be asked for any more */
    metrics_count(shared->metrics, to, status, duration_us);
    host->log(host->self, x->status >= 500 ? "warn" : "debug", "%s %s %s %u %" PRId64 " us", x->request->id,
              to ? to->verb : "-", x->request->path, status, duration_us);
    x->client->exchange = NULL;
    x->client->reused = true;
    connection_set_deadline(x->client, CONNECTION_IDLE_MS);
    x->client = NULL;
    shared->unanswered--;
    abandon(x);
    exchange_release(x);
}
