/* SPDX-License-Identifier: MIT */
/*
 * connection.h — an open connection: its socket, its deadline, and the exchange that it is busy with. The server keeps
 * the list, the exchange moves the deadline; nobody else includes this. Loop thread only.
 */
#ifndef ANOMALYD_API_HTTP_CONNECTION_H
#define ANOMALYD_API_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct connection {
    struct connection *next, *previous;
    int socket;                /* libmicrohttpd's */
    int64_t deadline_ms;       /* absolute, of the monotonic clock; 0: none */
    bool reused;               /* an exchange has ended on it */
    struct exchange *exchange; /* the one under way; NULL between two */
} connection;

typedef struct connection_list {
    connection *first; /* owned */
    size_t count;
} connection_list;

/* Adds a connection without a deadline. Returns new, owned by the list. NULL when memory is out. */
connection *connection_add(connection_list *list, int socket);
/* Removes it from the list and frees it; c may be NULL. It must be between two exchanges. */
void connection_remove(connection_list *list, connection *c);
/* Sets the deadline to `ms` from now. */
void connection_set_deadline(connection *c, int64_t ms);
/* Shuts the socket down, so that libmicrohttpd ends whatever it is doing with it. */
void connection_cut(connection *c);

#endif
