/* SPDX-License-Identifier: MIT */
/* inside.h — what the server's own files know of each other; handlers do not include it. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_INSIDE_H
#define ANOMALYD_API_HTTP_INSIDE_H

#include "api/http/events.h"
#include "api/http/metrics.h"
#include "api/http/request.h"
#include "api/http/server.h"

#include <netinet/in.h>

enum {
    SERVER_CONNECTIONS_MAX = 4096,
    SERVER_CONNECTION_BYTES = 32 * 1024,         /* of headers and of buffers, each connection */
    SERVER_IDLE_MS = 75 * 1000,                  /* between two requests of a connection */
    SERVER_LINGER_MS = 5 * 1000,                 /* to read an answer that came by deadline */
    SERVER_UPLOAD_BYTES_S = 16 * 1024,           /* the slowest upload that is waited for */
    SERVER_DISCARD_BYTES_MAX = 16 * 1024 * 1024, /* of a refused body, read so that the refusal can be */
};
#define SERVER_BODIES_BYTES_MAX ((size_t)1024 * 1024 * 1024) /* all bodies in memory together */

/* A connection, whatever it is doing. */
typedef struct peer {
    struct peer *next, *previous;
    struct server *server;
    int descriptor;
    int64_t deadline_ms; /* monotonic; 0: none */
    bool served;         /* a request has ended: the next one's headers have a deadline of their own */
    request *current;    /* NULL between requests */
} peer;

struct server {
    struct MHD_Daemon *daemon;
    const service *host;
    server_config config;
    int port, epoll;
    bool quiesced, stopped;
    peer *peers;
    size_t busy;         /* requests whose answers have not left */
    size_t live;         /* requests that exist: some outlive their connection, and the server's stop */
    size_t bodies_bytes; /* of all bodies in memory */
    void *sweep;         /* timer; NULL when there are no peers */
    unsigned sweep_ms;
    char instance[9];
    uint64_t requests;
    metrics *metrics;
};

int64_t server_now_ms(void);
int64_t server_now_us(void);
void server_wake(server *s);
/* Frees the server when it was stopped and no request is left. */
void server_let_go(server *s);

/* MHD's handler and its end. */
enum MHD_Result request_handle(server *s, struct MHD_Connection *c, const char *const line[3], const char *data,
                               size_t *size, void **slot);
void request_finish(request *r);
/* The deadline of a request has passed. False when its connection must be cut. */
bool request_expire(request *r);
/* The server drains. */
void request_drain(request *r);
/* Suspends the connection; watches for the client's leaving while it is suspended; ends both. */
void request_suspend(request *r);
void request_watch(request *r);
void request_resume(request *r);

/* body.c: false and *p when the body is refused; bytes of a refused body are dropped. */
bool body_begin(request *r, problem *p);
bool body_take(request *r, const char *bytes, size_t *size, problem *p);
/* True when it is whole; false when that takes time (the request is suspended) or failed (it has its reply). */
bool body_end(request *r);
void body_free(request *r);

/* headers.c: refuses what MHD lets pass. `line` is method, url, version. */
bool headers_check(struct MHD_Connection *c, const char *const line[3], problem *p);

#endif
