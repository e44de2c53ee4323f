/* SPDX-License-Identifier: MIT */
/*
 * server.h — the HTTP server: libmicrohttpd in external-epoll mode, without a loop of its own. The daemon polls
 * server_fd, calls server_turn when it is readable or when server_timeout_ms has passed, and after anything that
 * may have resumed a connection.
 */
#ifndef ANOMALYD_API_HTTP_SERVER_H
#define ANOMALYD_API_HTTP_SERVER_H

#include "api/service.h"

typedef struct server server;

typedef struct server_config {
    const char *address;         /* "127.0.0.1" or "::1" */
    int port;                    /* 0: any */
    const service *host;         /* borrowed for the server's life */
    void (*wake)(void *context); /* called whenever server_turn should be called soon (a connection was resumed) */
    void *wake_context;
    unsigned header_deadline_ms;  /* absolute, from the connection's start to the end of the headers */
    unsigned request_deadline_ms; /* absolute, for the whole of a request that is not a stream */
} server_config;

server *server_start(const server_config *c, error *e);
int server_port(const server *s);
int server_fd(const server *s);
/* Milliseconds until server_turn must be called; -1: only when the descriptor is readable. 0: now. */
int server_timeout_ms(server *s);
void server_turn(server *s);
/* Stops accepting; requests in progress go on; new ones on open connections get 503. */
void server_quiesce(server *s);
/* Ends event streams, resumes every suspended connection with 503. server_busy() tells when all answers have left. */
void server_drain(server *s);
size_t server_busy(const server *s);
/* Everything suspended must have been resumed: see server_drain. */
void server_stop(server *s);

#endif
