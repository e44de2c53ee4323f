/* SPDX-License-Identifier: MIT */
/*
 * server.h — the HTTP server: libmicrohttpd in external-epoll mode, without a loop of its own. Whoever runs the loop
 * polls server_fd and calls server_turn when it is readable, when server_timeout_ms have passed, and after `wake`.
 * Knows no route and no resource: both are handed to it. Loop thread only.
 */
#ifndef ANOMALYD_API_HTTP_SERVER_H
#define ANOMALYD_API_HTTP_SERVER_H

#include "api/http/host.h"
#include "api/http/router.h"

#include <stdint.h>
#include <stdio.h>

struct service;

typedef struct server server;

typedef struct server_config {
    const char *address;           /* "127.0.0.1" or "::1" */
    int port;                      /* 0: any */
    const http_host *host;         /* borrowed for the server's life, as the next two */
    const route *routes;           /* ended by a NULL pattern */
    const struct service *service; /* what handlers get from exchange_service; the server does not look into it */
    void (*wake)(void *context);   /* called whenever server_turn must be called soon: a connection was resumed */
    void *wake_context;
    unsigned header_deadline_ms;  /* absolute, from the start of the connection to the end of the headers */
    unsigned request_deadline_ms; /* absolute, for the whole of a request that is not a stream */
} server_config;

/* Starts listening. Copies c. Returns new; server_stop frees it. NULL and *e. */
server *server_start(const server_config *c, error *e);
int server_port(const server *s);
int server_fd(const server *s);
/* Milliseconds until server_turn must be called; 0: now; -1: only when the descriptor is readable. */
int server_timeout_ms(server *s);
void server_turn(server *s);
/* Cuts connections and streams that are late at now_ms (monotonic), and writes heartbeats. The server calls it by a
 * timer; tests call it with a time of their own. */
void server_sweep(server *s, int64_t now_ms);
/* Stops accepting; requests in progress go on; new ones on open connections get 503. */
void server_quiesce(server *s);
/* Ends event streams, and answers every deferred request with 503. */
void server_drain(server *s);
/* Requests whose answers have not left. */
size_t server_busy(const server *s);
/* Writes the server's own metrics as Prometheus text. */
void server_print_metrics(const server *s, FILE *out);
/* Closes everything. No connection may be suspended: see server_drain. The server is freed, at once or when the last
 * exchange that somebody holds is released. */
void server_stop(server *s);

#endif
