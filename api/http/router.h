/* SPDX-License-Identifier: MIT */
/*
 * router.h — the one table of what can be asked for. A new path is a line here, a handler, and its part of
 * openapi.yaml; a test compares the two both ways.
 */
#ifndef ANOMALYD_API_HTTP_ROUTER_H
#define ANOMALYD_API_HTTP_ROUTER_H

#include "api/json/problem.h"

#include <stddef.h>

typedef struct request request;

enum body_kind {
    BODY_MEMORY, /* collected in memory */
    BODY_FORM,   /* multipart/form-data, its files collected in memory */
    BODY_SPOOL   /* written to a temporary file as it arrives */
};

typedef struct body_rule {
    const char *media_type; /* NULL ends a list */
    enum body_kind kind;
    size_t bytes_max;
} body_rule;

typedef struct route {
    const char *verb, *pattern; /* "/jobs/{id}"; a parameter is a whole segment */
    void (*handle)(request *r);
    const char *const *query; /* accepted parameters; NULL-terminated; NULL: none */
    const body_rule *bodies;  /* accepted bodies; NULL: none */
    bool open;                /* answered while draining, too */
    bool patient;             /* its deadline grows with what arrives, and ends with the body (uploads) */
} route;

enum { ROUTE_PARAMETERS_MAX = 2, ROUTE_PARAMETER_MAX = 128, ROUTE_COUNT_MAX = 64 };

typedef struct route_match {
    const route *route; /* NULL: none; see the problem */
    char parameters[ROUTE_PARAMETERS_MAX][ROUTE_PARAMETER_MAX];
} route_match;

/* NULL-pattern-terminated. */
const route *route_table(void);
size_t route_index(const route *r);

/* Finds the route of a raw (still escaped) path; HEAD finds GET's. False: 400, 404 or 405 in *p. */
bool route_find(const char *verb, const char *path, route_match *out, problem *p);

/* Undoes percent-encoding into out. False when it is malformed, holds a NUL or control character, or does not fit. */
bool route_unescape(const char *text, size_t length, char *out, size_t size);

#endif
