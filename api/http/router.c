/* SPDX-License-Identifier: MIT */
/* router.c — see router.h. */
#include "api/http/router.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool route_unescape(const char *text, size_t length, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        int value = (unsigned char)text[i];
        if (text[i] == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            value = high * 16 + low;
            i += 2;
        }
        if (value < 0x20 || value == 0x7f || n + 1 >= size)
            return false;
        out[n++] = (char)value;
    }
    out[n] = '\0';
    return true;
}

/* Compares segment by segment; parameters are filled only as far as the paths agree. */
static bool matches(const char *pattern, const char *path, route_match *out)
{
    out->count = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++, path++;
        size_t wanted = strcspn(pattern, "/"), given = strcspn(path, "/");
        char segment[ROUTE_PARAMETER_MAX];
        if (!route_unescape(path, given, segment, sizeof segment))
            return false;
        if (pattern[0] == '{') {
            if (!segment[0])
                return false;
            assert(out->count < ROUTE_PARAMETERS_MAX);
            out->parameters[out->count].name = pattern + 1;
            memcpy(out->parameters[out->count++].value, segment, sizeof segment);
        } else if (strlen(segment) != wanted || memcmp(segment, pattern, wanted)) {
            return false;
        }
        pattern += wanted, path += given;
    }
    return !*pattern && !*path;
}

bool route_find(const route *table, const char *verb, const char *path, route_match *out, problem *p)
{
    const char *wanted = !strcmp(verb, "HEAD") ? "GET" : verb;
    out->route = NULL;
    for (const route *r = table; r->pattern; r++) {
        if (!matches(r->pattern, path, out))
            continue;
        if (!strcmp(r->verb, wanted)) {
            out->route = r;
            problem_free(p);
            return true;
        }
        problem_list(p->allow, sizeof p->allow, r->verb);
        if (!strcmp(r->verb, "GET"))
            problem_list(p->allow, sizeof p->allow, "HEAD");
    }
    if (p->allow[0])
        return problem_set(p, 405, "%.16s is not allowed at %.256s; allowed: %s", verb, path, p->allow);
    return problem_set(p, 404, "there is nothing at %.256s", path);
}
