/* SPDX-License-Identifier: MIT */
/*
 * connection.h — an open connection: its socket, its deadline, and the exchange that it is busy with. The server keeps
 * the list, the exchange moves the deadline; nobody else includes this. Loop thread only.
 */
#ifndef ANOMALYD_API_HTTP_CONNECTION_H
#define ANOMALYD_API_HTTP_CONNECTION_H

#include "base/clock.h"

#include <stdbool.h>
#include <sys/socket.h>

typedef struct connection {
    struct connection *next, *previous;
    int socket;                /* libmicrohttpd's */
    int64_t deadline_ms;       /* absolute, of the monotonic clock; 0: none */
    bool reused;               /* an exchange has ended on it */
    struct exchange *exchange; /* the one under way; NULL between two */
} connection;

/* Sets the deadline to `ms` from now. */
static inline void connection_set_deadline(connection *c, int64_t ms)
{
    c->deadline_ms = clock_now_ms() + ms;
}

/* Shuts the socket down, so that libmicrohttpd ends whatever it is doing with it. */
static inline void connection_cut(connection *c)
{
    shutdown(c->socket, SHUT_RDWR);
}

#endif
