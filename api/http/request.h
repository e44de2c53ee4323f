/* SPDX-License-Identifier: MIT */
/*
 * request.h — one request from its headers to the end of its answer; what a handler sees of the server.
 *
 * A handler either replies at once, or calls request_wait, keeps a hold for each callback it expects, and replies
 * from there. A reply to a client that has left, or whose deadline has passed, is dropped silently: callbacks need
 * not know. Loop thread only.
 */
#ifndef ANOMALYD_API_HTTP_REQUEST_H
#define ANOMALYD_API_HTTP_REQUEST_H

#include "api/http/media.h"
#include "api/json/problem.h"
#include "api/http/router.h"
#include "api/service.h"

#include <microhttpd.h>

enum { REQUEST_ID_MAX = 65, REQUEST_QUERY_MAX = 16, REQUEST_QUERY_VALUE_MAX = 512, REQUEST_HEADERS_MAX = 4 };

struct server;
struct spool;
struct stream;
struct peer;

typedef struct request_body {
    const body_rule *rule; /* NULL: the request has no body */
    unsigned char *bytes;  /* BODY_MEMORY; owned */
    size_t size, capacity;
    form *form;          /* BODY_FORM; owned */
    struct spool *spool; /* BODY_SPOOL; owned */
    uint64_t announced;  /* Content-Length; UINT64_MAX: not said */
    uint64_t received;
    size_t accounted; /* in the server's sum of bodies in memory */
} request_body;

struct request {
    struct server *server;
    const service *host;
    struct MHD_Connection *connection; /* NULL when the client has left or the answer has gone out */
    struct peer *peer;
    char id[REQUEST_ID_MAX];
    char *path; /* raw; owned */
    route_match match;
    const route *route; /* NULL: none matched */
    struct {
        const char *name; /* borrowed from the route */
        char *value;      /* unescaped; owned */
    } query[REQUEST_QUERY_MAX];
    int query_count;
    request_body body;
    int64_t started_us;

    /* Where it stands. */
    unsigned holds; /* the server's own and one for each expected callback */
    bool dispatched, waiting, suspended, answered, gone, closing;
    uint64_t discarded; /* bytes of a refused body */
    void *watch;        /* of the peer, while suspended */
    struct MHD_Response *reply;
    unsigned status;
    struct {
        char name[32];
        char value[256];
    } headers[REQUEST_HEADERS_MAX]; /* of the coming reply */
    int header_count;
    struct stream *stream; /* the answer is an event stream; owned by the response */

    /* The handler's. */
    void *work;
    void (*abandon)(void *work); /* called once when a waiting request's answer is no longer wanted */
};

/* NULL when absent; the second: empty when absent. */
const char *request_query(const request *r, const char *name);
const char *request_query_text(const request *r, const char *name);
const char *request_header(const request *r, const char *name);
/* False when a parameter is out of range; the problem has been replied. */
bool request_page(request *r, service_page *page);

/* The answer comes later. */
void request_wait(request *r);
void request_hold(request *r);
void request_release(request *r);

/* Headers of the reply that follows. */
void request_add_header(request *r, const char *name, const char *value);

/* Each replies once. Replies that come too late are dropped. */
void request_reply_json(request *r, unsigned status, json_t *takes);
void request_reply_bytes(request *r, unsigned status, const char *media_type, void *takes, size_t size);
void request_reply_const(request *r, unsigned status, const char *media_type, const void *borrows, size_t size);
void request_reply_problem(request *r, problem *finishes);
void request_reply_error(request *r, const error *e, enum problem_subject subject);
void request_reply_response(request *r, unsigned status, struct MHD_Response *takes);

/* A page of a list: takes items; the cursor is empty at the end. */
void request_reply_list(request *r, json_t *items, const char *cursor);

#endif
