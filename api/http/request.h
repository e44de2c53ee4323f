/* SPDX-License-Identifier: MIT */
/*
 * request.h — the head of a request: its line, headers, route and parameters. It is read once and constant from then
 * on. Knows nothing of the body, and nothing of the answer. Loop thread, but for the path: any thread.
 */
#ifndef ANOMALYD_API_HTTP_REQUEST_H
#define ANOMALYD_API_HTTP_REQUEST_H

#include "api/http/router.h"

#include <stdint.h>

struct MHD_Connection;

enum { REQUEST_ID_MAX = 65, REQUEST_QUERY_MAX = 16, REQUEST_QUERY_VALUE_MAX = 512 };
#define REQUEST_LENGTH_UNKNOWN UINT64_MAX

typedef struct request {
    struct MHD_Connection *connection; /* NULL when the client has left */
    char id[REQUEST_ID_MAX];
    char *path;        /* as it was sent, still percent-encoded; owned */
    route_match match; /* by route_find; its route is NULL when none was found */
    struct {
        const char *name; /* borrowed from the route */
        char *value;      /* unescaped; owned */
    } query[REQUEST_QUERY_MAX];
    int query_count;
} request;

/* Copies the path of `line` (method, URL, version); `fresh_id` is the request's id unless the client gave a sane one.
 * Returns new; free with request_free. NULL when memory is out. */
request *request_new(struct MHD_Connection *c, const char *const line[3], const char *fresh_id);
void request_free(request *r);
/* Reads the query parameters. False and *p when one is malformed, unknown to the route, or given twice. */
bool request_read_query(request *r, problem *p);

/* A parameter of the route's pattern, which must have it. */
const char *request_parameter(const request *r, const char *name);
/* A query parameter; NULL when absent. The second is empty when absent. */
const char *request_query(const request *r, const char *name);
const char *request_query_text(const request *r, const char *name);
/* A header; NULL when absent, and when the client has left. */
const char *request_header(const request *r, const char *name);
/* Bytes of the body that the headers announce; REQUEST_LENGTH_UNKNOWN when it comes in chunks. */
uint64_t request_body_length(const request *r);

#endif
