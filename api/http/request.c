/* SPDX-License-Identifier: MIT */
/*
 * request.c — the life of a request inside libmicrohttpd: first call (headers), body, handler, wait, answer, end.
 * Suspension is decided here alone: handlers only say that they wait.
 */
#include "api/http/request.h"

#include "api/http/inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void make_id(request *r)
{
    const char *given = request_header(r, "X-Request-Id");
    size_t length = given ? strlen(given) : 0;
    static const char sane[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (length > 0 && length < sizeof r->id && strspn(given, sane) == length)
        memcpy(r->id, given, length + 1);
    else
        snprintf(r->id, sizeof r->id, "%s-%06" PRIx64, r->server->instance, ++r->server->requests);
}

static request *request_new(server *s, struct MHD_Connection *c, const char *path)
{
    request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->path = strdup(path);
    if (!r->path) {
        free(r);
        return NULL;
    }
    r->server = s;
    r->host = s->host;
    r->connection = c;
    r->peer = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    r->started_us = server_now_us();
    r->holds = 1;
    r->peer->current = r;
    r->peer->deadline_ms = server_now_ms() + s->config.request_deadline_ms;
    s->busy++;
    s->live++;
    make_id(r);
    return r;
}

static void request_free(request *r)
{
    server *s = r->server;
    if (r->reply)
        MHD_destroy_response(r->reply);
    body_free(r);
    for (int i = 0; i < r->query_count; i++)
        free(r->query[i].value);
    free(r->path);
    free(r);
    s->live--;
    server_let_go(s);
}

void request_hold(request *r)
{
    r->holds++;
}

void request_release(request *r)
{
    assert(r->holds > 0);
    if (--r->holds == 0)
        request_free(r);
}

typedef struct query_reading {
    request *request;
    problem *problem;
} query_reading;

static enum MHD_Result read_query(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size)
{
    (void)kind;
    request *r = ((query_reading *)context)->request;
    problem *p = ((query_reading *)context)->problem;
    char name[64], text[REQUEST_QUERY_VALUE_MAX];
    if (!route_unescape(key, key_size, name, sizeof name) ||
        !route_unescape(value ? value : "", value_size, text, sizeof text)) {
        problem_set(p, 400, "query parameter '%.64s' is malformed or too long", key);
        return MHD_NO;
    }
    const char *const *known = r->route->query;
    while (known && *known && strcmp(*known, name) != 0)
        known++;
    if (!known || !*known) {
        char list[256] = "none";
        size_t used = 0;
        for (known = r->route->query; known && *known && used < sizeof list; known++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", *known);
        problem_set(p, 400, "unknown query parameter '%s'; accepted: %s", name, list);
        return MHD_NO;
    }
    if (request_query(r, name) || r->query_count == REQUEST_QUERY_MAX) {
        problem_set(p, 400, "query parameter '%s' is given twice", name);
        return MHD_NO;
    }
    r->query[r->query_count].value = strdup(text);
    if (!r->query[r->query_count].value) {
        problem_set(p, 503, "out of memory");
        return MHD_NO;
    }
    r->query[r->query_count++].name = *known;
    return MHD_YES;
}

/* Whether the answer may come: everything that is known before the body. */
static bool admit(request *r, const char *const line[3], problem *p)
{
    if (!headers_check(r->connection, line, p)) {
        r->closing = true;
        return false;
    }
    bool found = route_find(line[0], r->path, &r->match, p);
    r->route = r->match.route;
    problem body = {0};
    if (!body_begin(r, &body) && found) {
        *p = body;
        return false;
    }
    problem_free(&body);
    if (!found)
        return false;
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, read_query,
                                &(query_reading){.request = r, .problem = p});
    if (p->status)
        return false;
    bool draining = r->server->quiesced || r->host->draining(r->host->self);
    return !draining || r->route->open || problem_set(p, 503, "the daemon is stopping");
}

static enum MHD_Result send_reply(request *r)
{
    struct MHD_Response *reply = r->reply;
    r->reply = NULL;
    r->answered = true;
    if (r->stream)
        r->peer->deadline_ms = 0;
    else if (r->route && r->route->patient)
        r->peer->deadline_ms = server_now_ms() + r->server->config.request_deadline_ms;
    enum MHD_Result queued = MHD_queue_response(r->connection, r->status, reply);
    MHD_destroy_response(reply);
    return queued;
}

/* The first call: only headers are there. What is refused now is answered at once when its body is not worth reading;
 * else the body is read and dropped, since a client that is still sending would lose the answer to a reset. */
static enum MHD_Result first_call(request *r, const char *const line[3])
{
    problem p = {0};
    if (admit(r, line, &p))
        return MHD_YES;
    bool expected = request_header(r, MHD_HTTP_HEADER_EXPECT) != NULL;
    bool large = r->body.announced != UINT64_MAX && r->body.announced > SERVER_DISCARD_BYTES_MAX;
    r->closing |= expected || large;
    request_reply_problem(r, &p);
    if (!r->reply)
        return MHD_NO;
    return r->closing ? send_reply(r) : MHD_YES;
}

static enum MHD_Result body_call(request *r, const char *data, size_t *size)
{
    problem p = {0};
    if (!r->reply) {
        size_t before = *size;
        if (!body_take(r, data, size, &p))
            request_reply_problem(r, &p);
        else if (r->route->patient)
            r->peer->deadline_ms += (int64_t)(before - *size) * 1000 / SERVER_UPLOAD_BYTES_S;
        if (!r->reply)
            return p.status ? MHD_NO : MHD_YES;
    }
    r->discarded += *size;
    *size = 0;
    return r->discarded > SERVER_DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
}

static void peer_gone(void *context)
{
    request *r = context;
    void (*abandon)(void *) = r->abandon;
    r->abandon = NULL;
    r->gone = true;
    request_hold(r);
    if (r->stream)
        stream_detach(r->stream);
    request_resume(r);
    if (abandon)
        abandon(r->work);
    request_release(r);
}

void request_suspend(request *r)
{
    assert(!r->suspended);
    MHD_suspend_connection(r->connection);
    r->suspended = true;
}

void request_watch(request *r)
{
    assert(!r->watch);
    r->watch = r->host->watch_peer(r->host->self, r->peer->descriptor, peer_gone, r);
}

void request_resume(request *r)
{
    if (r->watch)
        r->host->unwatch_peer(r->host->self, r->watch);
    r->watch = NULL;
    if (!r->suspended || !r->connection)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    server_wake(r->server);
}

enum MHD_Result request_handle(server *s, struct MHD_Connection *c, const char *const line[3], const char *data,
                               size_t *size, void **slot)
{
    request *r = *slot;
    if (!r) {
        *slot = r = request_new(s, c, line[1]);
        return r ? first_call(r, line) : MHD_NO;
    }
    if (r->gone)
        return MHD_NO;
    if (*size > 0)
        return body_call(r, data, size);
    if (!r->reply && !r->dispatched) {
        if (!body_end(r))
            return r->reply ? send_reply(r) : r->suspended ? MHD_YES : MHD_NO;
        r->dispatched = true;
        if (r->route->patient)
            r->peer->deadline_ms = 0;
        r->route->handle(r);
    }
    if (r->reply)
        return send_reply(r);
    if (r->gone || !r->waiting)
        return MHD_NO;
    request_suspend(r);
    request_watch(r);
    return MHD_YES;
}

void request_wait(request *r)
{
    r->waiting = true;
}

bool request_expire(request *r)
{
    if (!r->suspended)
        return false;
    if (r->waiting && !r->reply) {
        void (*abandon)(void *) = r->abandon;
        problem p = {0};
        problem_set(&p, 504, "no answer within %u ms", r->server->config.request_deadline_ms);
        request_hold(r);
        request_reply_problem(r, &p);
        r->peer->deadline_ms = server_now_ms() + SERVER_LINGER_MS;
        if (abandon)
            abandon(r->work);
        request_release(r);
    }
    return true;
}

void request_drain(request *r)
{
    if (r->answered) {
        if (r->stream)
            stream_end(r->stream);
        return;
    }
    if (r->reply)
        return;
    void (*abandon)(void *) = r->abandon;
    problem p = {0};
    problem_set(&p, 503, "the daemon is stopping");
    request_hold(r);
    r->closing = true;
    request_reply_problem(r, &p);
    if (abandon)
        abandon(r->work);
    request_release(r);
}

void request_finish(request *r)
{
    void (*abandon)(void *) = r->abandon;
    server *s = r->server;
    r->abandon = NULL;
    r->gone = true;
    if (r->watch)
        r->host->unwatch_peer(r->host->self, r->watch);
    r->watch = NULL;
    if (r->stream)
        stream_detach(r->stream);
    r->stream = NULL;
    r->connection = NULL;
    int64_t duration_us = server_now_us() - r->started_us;
    metrics_count(s->metrics, r->route, r->answered ? r->status : 499, duration_us);
    r->host->log(r->host->self, r->status >= 500 ? "warn" : "debug", "%s %s %s %u %" PRId64 " us", r->id,
                 r->route ? r->route->verb : "-", r->path, r->answered ? r->status : 499, duration_us);
    r->peer->current = NULL;
    r->peer->served = true;
    r->peer->deadline_ms = server_now_ms() + SERVER_IDLE_MS;
    r->peer = NULL;
    s->busy--;
    if (abandon)
        abandon(r->work);
    request_release(r);
}
