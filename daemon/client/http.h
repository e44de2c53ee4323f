/* SPDX-License-Identifier: MIT */
/*
 * http.h — requests to a running daemon, one after the other, each waited for. Knows HTTP, JSON and problem+json,
 * and nothing of what is asked for. One thread.
 *
 * What an answer other than 2xx says becomes an error with the problem's detail: ERROR_NOT_FOUND of 404, ERROR_CONFLICT
 * of 409, ERROR_LIMIT of 413, ERROR_BUSY of 429 and 503, ERROR_INVALID of the other 4xx, else ERROR_INTERNAL. ERROR_IO:
 * no whole answer came.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_HTTP_H
#define ANOMALYD_DAEMON_CLIENT_HTTP_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_PATH_MAX = 4, CLIENT_QUERY_MAX = 16, CLIENT_ANSWER_BYTES_MAX = 256 << 20 };

/* Borrowed for the call. */
typedef struct client_request {
    const char *method;                /* "GET", "POST" or "DELETE" */
    const char *path[CLIENT_PATH_MAX]; /* its segments, as they are: they are encoded here; up to the first NULL */
    struct client_parameter {
        const char *name, *value; /* likewise */
    } query[CLIENT_QUERY_MAX];    /* up to the first without a name */
    const json_t *body;           /* NULL: none */
    const char *key;              /* Idempotency-Key; NULL: none */
} client_request;

/* A body that came with a status of 2xx. client_answer_free frees it. */
typedef struct client_answer {
    char *text; /* ended by 0, which size does not count */
    size_t size;
} client_answer;

typedef struct client client;

/* For the daemon at `url`: http or https, with a path before its own where a proxy wants one. Connects to nobody yet.
 * Returns new; NULL and *e: ERROR_INVALID of a URL that is none. */
client *client_new(const char *url, error *e);
void client_free(client *c);
/* The URL without a password; for people. Borrows until client_free. */
const char *client_url(const client *c);
/* From here on a request ends with ERROR_CANCELLED within about a second of `stopped` answering true. */
void client_stop_on(client *c, bool (*stopped)(void *context), void *context);

/* The whole URL of a request, with a password that the daemon's has. Returns new; NULL: out of memory. */
char *client_request_url(const client *c, const client_request *q, error *e);

/* Asks, and waits for as long as something comes. *out must be zeroed. */
bool client_ask(client *c, const client_request *q, client_answer *out, error *e);
void client_answer_free(client_answer *a);
/* HTTP's status of the last answer. */
long client_status(const client *c);
/* A header of the last answer; NULL: it had none. Borrows until the next request. */
const char *client_header(client *c, const char *name);
/* The answer's JSON. Returns new; NULL and *e. */
json_t *client_json(const client *c, const client_answer *a, error *e);
/* client_ask and client_json in one. */
json_t *client_ask_json(client *c, const client_request *q, error *e);

#endif
