/* SPDX-License-Identifier: MIT */
/*
 * body.h — the body of a request: what it may be, and where its bytes go as they arrive. Knows nothing of what it
 * means, and never suspends a connection: it tells when it is busy and when it is ready again. Loop thread only, but
 * for body_bytes: any thread once the body is whole.
 */
#ifndef ANOMALYD_API_HTTP_BODY_H
#define ANOMALYD_API_HTTP_BODY_H

#include "api/http/host.h"
#include "api/http/media.h"
#include "api/http/request.h"

#define BODIES_BYTES_MAX ((size_t)1024 * 1024 * 1024) /* all bodies in memory together */

typedef struct request_body request_body;

/* What a body needs from its exchange. */
typedef struct body_setting {
    const http_host *host;
    size_t *bytes_in_memory;      /* of all bodies of the server */
    void (*ready)(void *context); /* called when a busy body is busy no more */
    void *context;
} body_setting;

/* Opens the body that the head announces, as its route allows. *out is new, to be freed with body_free, or NULL where
 * there is none. False and *p when it is refused. The request must have a route. */
bool body_open(request_body **out, const request *r, const body_setting *s, problem *p);
void body_free(request_body *b);
/* Stores what it can of *size bytes and leaves the number of the others in *size; it may be busy then. False and *p
 * when the body is refused. */
bool body_write(request_body *b, const char *bytes, size_t *size, problem *p);
/* To be called after the last byte, and again whenever a busy body is ready. True when the body is whole; otherwise it
 * is busy, or *p says what is wrong with it. */
bool body_finish(request_body *b, problem *p);
/* True while bytes are written to a file on another thread; nothing but body_busy may be called then. */
bool body_busy(const request_body *b);

/* The whole body, where it is kept in memory. Borrowed from b. */
const void *body_bytes(const request_body *b, size_t *size);
/* The form; NULL when the body is none. Borrowed from b. */
const form *body_form(const request_body *b);
/* Parses a JSON body. Returns new; NULL and *p. */
json_t *body_read_json(const request_body *b, problem *p);
bool body_is_json(const request_body *b);
/* The path of the file that the body was written to; NULL when it is not a spooled one. Borrowed from b. */
const char *body_file(const request_body *b);
/* The file belongs to the caller from now on; else body_free removes it. */
void body_give_file(request_body *b);

#endif
