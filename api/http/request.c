/* SPDX-License-Identifier: MIT */
/* request.c — see request.h. */
#include "api/http/request.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void choose_id(request *r, const char *fresh_id)
{
    static const char sane[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *given = request_header(r, "X-Request-Id");
    size_t length = given ? strlen(given) : 0;
    bool usable = length > 0 && length < sizeof r->id && strspn(given, sane) == length;
    snprintf(r->id, sizeof r->id, "%s", usable ? given : fresh_id);
}

request *request_new(struct MHD_Connection *c, const char *const line[3], const char *fresh_id)
{
    request *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(line[1]))) {
        free(r);
        return NULL;
    }
    r->connection = c;
    choose_id(r, fresh_id);
    return r;
}

void request_free(request *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->query_count; i++)
        free(r->query[i].value);
    free(r->path);
    free(r);
}

typedef struct query_reading {
    request *request;
    problem *problem;
} query_reading;

/* The route's own name of the parameter, which stays valid; NULL and *p when the route does not take it. */
static const char *known_parameter(const route *to, const char *name, problem *p)
{
    char list[256] = "";
    for (const char *const *known = to->query; known && *known; known++) {
        if (!strcmp(*known, name))
            return *known;
        problem_list(list, sizeof list, *known);
    }
    problem_set(p, 400, "unknown query parameter '%s'; accepted: %s", name, *list ? list : "none");
    return NULL;
}

static bool add_parameter(request *r, const char *key, size_t key_size, const char *value, size_t value_size,
                          problem *p)
{
    char name[64], text[REQUEST_QUERY_VALUE_MAX];
    if (!route_unescape(key, key_size, name, sizeof name) ||
        !route_unescape(value ? value : "", value_size, text, sizeof text))
        return problem_set(p, 400, "query parameter '%.64s' is malformed or too long", key);
    const char *known = known_parameter(r->match.route, name, p);
    if (!known)
        return false;
    if (request_query(r, name) || r->query_count == REQUEST_QUERY_MAX)
        return problem_set(p, 400, "query parameter '%s' is given twice", name);
    if (!(r->query[r->query_count].value = strdup(text)))
        return problem_set(p, 503, "out of memory");
    r->query[r->query_count++].name = known;
    return true;
}

static enum MHD_Result on_parameter(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                    const char *value, size_t value_size)
{
    (void)kind;
    query_reading *q = context;
    return add_parameter(q->request, key, key_size, value, value_size, q->problem) ? MHD_YES : MHD_NO;
}

bool request_read_query(request *r, problem *p)
{
    query_reading q = {.request = r, .problem = p};
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, on_parameter, &q);
    return p->status == 0;
}

const char *request_parameter(const request *r, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < r->match.count; i++)
        if (!strncmp(r->match.parameters[i].name, name, length) && r->match.parameters[i].name[length] == '}')
            return r->match.parameters[i].value;
    assert(!"a handler asks for a parameter that its pattern has");
    return "";
}

const char *request_query(const request *r, const char *name)
{
    for (int i = 0; i < r->query_count; i++)
        if (!strcmp(r->query[i].name, name))
            return r->query[i].value;
    return NULL;
}

const char *request_query_text(const request *r, const char *name)
{
    const char *value = request_query(r, name);
    return value ? value : "";
}

const char *request_header(const request *r, const char *name)
{
    return r->connection ? MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name) : NULL;
}

uint64_t request_body_length(const request *r)
{
    const char *length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        return REQUEST_LENGTH_UNKNOWN;
    return length ? strtoull(length, NULL, 10) : 0;
}
