/* SPDX-License-Identifier: MIT */
/* exchange_events.h — what the server tells an exchange. Handlers do not include it. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_EXCHANGE_EVENTS_H
#define ANOMALYD_API_HTTP_EXCHANGE_EVENTS_H

#include "api/http/connection.h"
#include "api/http/exchange.h"
#include "api/http/metrics.h"
#include "api/http/server.h"

#include <microhttpd.h>

/* What all exchanges of a server share. Owned by the server, which lives as long as one of them does. */
typedef struct exchange_shared {
    struct server *server;
    const server_config *config;     /* of the server */
    void (*freed)(struct server *s); /* an exchange is gone */
    metrics *metrics;
    size_t unanswered;   /* exchanges whose answers have not left */
    size_t count;        /* all exchanges: some outlive their connection, and the server's stop */
    size_t bodies_bytes; /* of all bodies in memory */
    bool quiesced;       /* the server accepts nothing new */
    char instance[9];    /* begins the ids of requests */
    uint64_t requests;   /* ends them */
} exchange_shared;

/* libmicrohttpd's access handler: `line` is method, URL and version; *slot is the exchange, NULL at the first call. */
enum MHD_Result exchange_on_call(exchange_shared *shared, struct MHD_Connection *c, const char *const line[3],
                                 const char *data, size_t *size, void **slot);
/* The request is over, and its connection is not the exchange's any more. */
void exchange_on_end(exchange *x);
/* The deadline has passed. False when the connection must be cut. */
bool exchange_on_deadline(exchange *x);
/* The server drains. */
void exchange_on_drain(exchange *x);
/* Time has passed. */
void exchange_on_tick(exchange *x, int64_t now_ms);
/* True while libmicrohttpd does nothing with the connection. */
bool exchange_suspended(const exchange *x);

#endif
