/* SPDX-License-Identifier: MIT */
/* router.h — a table of what can be asked for, and how a path finds its line in it. Knows no route by name. */
#ifndef ANOMALYD_API_HTTP_ROUTER_H
#define ANOMALYD_API_HTTP_ROUTER_H

#include "api/json/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct exchange;

enum body_kind {
    BODY_MEMORY, /* collected in memory */
    BODY_FORM,   /* multipart/form-data, whose files are collected in memory */
    BODY_SPOOL   /* written to a temporary file as it arrives */
};

typedef struct body_rule {
    const char *media_type; /* NULL ends a list */
    enum body_kind kind;
    size_t bytes_max;
} body_rule;

typedef struct route {
    const char *verb, *pattern;         /* "/jobs/{id}": a parameter is a whole segment; NULL ends a table */
    void (*handle)(struct exchange *x); /* answers x, or defers its answer */
    const char *const *query;           /* accepted query parameters, ended by NULL; NULL: none */
    const body_rule *bodies;            /* accepted bodies; NULL: none */
    bool open;                          /* answered while the daemon drains, too */
    bool patient;                       /* an upload: its deadline grows with what arrives, and ends with the body */
} route;

enum { ROUTE_PARAMETERS_MAX = 2, ROUTE_PARAMETER_MAX = 128 };

/* A route, and what the parameters of its pattern stand for in a path. */
typedef struct route_match {
    const route *route; /* borrowed from the table; NULL: none */
    int count;
    struct {
        const char *name; /* borrowed from the pattern, where it ends with a brace */
        char value[ROUTE_PARAMETER_MAX];
    } parameters[ROUTE_PARAMETERS_MAX];
} route_match;

/* Finds the route of a path that is still percent-encoded; HEAD finds the route of GET. False, and 404 or 405 in *p,
 * when there is none. */
bool route_find(const route *table, const char *verb, const char *path, route_match *out, problem *p);

/* Undoes percent-encoding into out. False when it is malformed, holds a NUL or control character, or does not fit. */
bool route_unescape(const char *text, size_t length, char *out, size_t size);

#endif
