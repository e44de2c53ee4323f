/* SPDX-License-Identifier: MIT */
/*
 * response.h — an answer as a value: its status, its headers, and its bytes or the stream that they come from. Whoever
 * makes one hands it to exchange_answer, which sends it or drops it; nothing here knows where it goes.
 */
#ifndef ANOMALYD_API_HTTP_RESPONSE_H
#define ANOMALYD_API_HTTP_RESPONSE_H

#include "api/http/stream.h"
#include "api/json/problem.h"

#include <sys/types.h>

enum { RESPONSE_HEADERS_MAX = 4, RESPONSE_HEADER_MAX = 256 };

typedef struct response {
    unsigned status;
    const char *media_type; /* borrowed: a constant */
    const void *bytes;      /* NULL without a stream: memory was out, and 503 says so */
    size_t size;
    bool owned;     /* the bytes are freed with the response */
    bool varies;    /* with the Accept header of the request */
    stream *stream; /* owned; NULL: the bytes are the body */
    struct {
        const char *name; /* borrowed: a constant */
        char value[RESPONSE_HEADER_MAX];
    } headers[RESPONSE_HEADERS_MAX];
    int header_count;
} response;

/* Writes and frees the body, which may be NULL when memory was out. */
response response_json(unsigned status, json_t *body);
/* Takes ownership of the bytes, which are to be freed by free; NULL when memory was out. */
response response_bytes(unsigned status, const char *media_type, void *bytes, size_t size);
/* Tells the problem of the resource at `path`, and frees what it owns. */
response response_problem(problem *p, const char *path);
/* Adds a header; a value that is too long is cut. */
void response_add_header(response *r, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void response_free(response *r);

struct MHD_Response;
/* Makes what libmicrohttpd sends of r; the result owns what r owned, and its stream is read by read_stream. When memory
 * is out r becomes a 503 without a stream; NULL when there is not even memory to say that. */
struct MHD_Response *response_build(response *r,
                                    ssize_t (*read_stream)(void *stream, uint64_t at, char *out, size_t size));

#endif
