/* SPDX-License-Identifier: MIT */
/* router.c — the table, and how a path finds its line in it. */
#include "api/http/router.h"

#include "api/resources/resources.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MIB ((size_t)1024 * 1024)

static const char *const query_page[] = {"limit", "cursor", NULL};
static const char *const query_score[] = {"model", "explain", NULL};
static const char *const query_datasets_post[] = {"name", NULL};
static const char *const query_jobs[] = {"limit", "cursor", "state", "method", "dataset", NULL};
static const char *const query_compare[] = {"a", "b", NULL};
static const char *const query_table[] = {"format", "score", NULL};
static const char *const query_runs[] = {"limit", "cursor", "method", "dataset",   "protocol", "class",  "seed",
                                         "model", "since",  "until",  "min_auroc", "order",    "format", NULL};

static const body_rule body_json[] = {{"application/json", BODY_MEMORY, MIB}, {NULL, 0, 0}};
static const body_rule body_run[] = {{"application/json", BODY_MEMORY, 8 * MIB}, {NULL, 0, 0}};
static const body_rule body_score[] = {{"image/png", BODY_MEMORY, 8 * MIB},
                                       {"multipart/form-data", BODY_FORM, 64 * MIB},
                                       {"application/json", BODY_MEMORY, 8 * MIB},
                                       {NULL, 0, 0}};
static const body_rule body_dataset[] = {{"application/json", BODY_MEMORY, MIB},
                                         {"application/zip", BODY_SPOOL, 1024 * MIB},
                                         {"application/x-tar", BODY_SPOOL, 1024 * MIB},
                                         {"application/gzip", BODY_SPOOL, 1024 * MIB},
                                         {"application/octet-stream", BODY_SPOOL, 1024 * MIB},
                                         {NULL, 0, 0}};

static const route routes[] = {
    {.verb = "GET", .pattern = "/", .handle = get_index, .open = true},
    {.verb = "GET", .pattern = "/healthz", .handle = get_healthz, .open = true},
    {.verb = "GET", .pattern = "/readyz", .handle = get_readyz, .open = true},
    {.verb = "GET", .pattern = "/metrics", .handle = get_metrics, .open = true},
    {.verb = "GET", .pattern = "/openapi.yaml", .handle = get_openapi, .open = true},
    {.verb = "GET", .pattern = "/methods", .handle = get_methods},
    {.verb = "POST", .pattern = "/score", .handle = post_score, .query = query_score, .bodies = body_score},
    {.verb = "POST",
     .pattern = "/datasets",
     .handle = post_datasets,
     .query = query_datasets_post,
     .bodies = body_dataset,
     .patient = true},
    {.verb = "GET", .pattern = "/datasets", .handle = get_datasets, .query = query_page},
    {.verb = "GET", .pattern = "/datasets/{name}", .handle = get_dataset},
    {.verb = "POST", .pattern = "/jobs", .handle = post_jobs, .bodies = body_json},
    {.verb = "GET", .pattern = "/jobs", .handle = get_jobs, .query = query_jobs},
    {.verb = "GET", .pattern = "/jobs/{id}", .handle = get_job},
    {.verb = "DELETE", .pattern = "/jobs/{id}", .handle = delete_job},
    {.verb = "GET", .pattern = "/jobs/{id}/events", .handle = get_job_events},
    {.verb = "POST", .pattern = "/experiments", .handle = post_experiments, .bodies = body_json},
    {.verb = "GET", .pattern = "/experiments", .handle = get_experiments, .query = query_page},
    {.verb = "GET", .pattern = "/experiments/{id}", .handle = get_experiment},
    {.verb = "DELETE", .pattern = "/experiments/{id}", .handle = delete_experiment},
    {.verb = "POST", .pattern = "/experiments/{id}/resume", .handle = post_experiment_resume},
    {.verb = "GET", .pattern = "/experiments/{id}/table", .handle = get_experiment_table, .query = query_table},
    {.verb = "GET", .pattern = "/models", .handle = get_models, .query = query_page},
    {.verb = "GET", .pattern = "/models/{name}", .handle = get_model},
    {.verb = "GET", .pattern = "/models/{name}/versions/{version}", .handle = get_model_version},
    {.verb = "POST", .pattern = "/runs", .handle = post_runs, .bodies = body_run},
    {.verb = "GET", .pattern = "/runs", .handle = get_runs, .query = query_runs},
    {.verb = "GET", .pattern = "/runs/{id}", .handle = get_run},
    {.verb = "GET", .pattern = "/compare", .handle = get_compare, .query = query_compare},
    {.pattern = NULL},
};
_Static_assert(sizeof routes / sizeof *routes <= ROUTE_COUNT_MAX, "the metrics have a place for each route");

const route *route_table(void)
{
    return routes;
}

size_t route_index(const route *r)
{
    return (size_t)(r - routes);
}

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
    int parameters = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++, path++;
        size_t wanted = strcspn(pattern, "/"), given = strcspn(path, "/");
        char segment[ROUTE_PARAMETER_MAX];
        if (!route_unescape(path, given, segment, sizeof segment))
            return false;
        if (pattern[0] == '{') {
            if (!segment[0])
                return false;
            assert(parameters < ROUTE_PARAMETERS_MAX);
            memcpy(out->parameters[parameters++], segment, sizeof segment);
        } else if (strlen(segment) != wanted || memcmp(segment, pattern, wanted)) {
            return false;
        }
        pattern += wanted, path += given;
    }
    return !*pattern && !*path;
}

static void allow(problem *p, const char *verb)
{
    size_t used = strlen(p->allow);
    snprintf(p->allow + used, sizeof p->allow - used, "%s%s%s", used ? ", " : "", verb,
             !strcmp(verb, "GET") ? ", HEAD" : "");
}

bool route_find(const char *verb, const char *path, route_match *out, problem *p)
{
    const char *wanted = !strcmp(verb, "HEAD") ? "GET" : verb;
    out->route = NULL;
    for (const route *r = routes; r->pattern; r++) {
        if (!matches(r->pattern, path, out))
            continue;
        if (!strcmp(r->verb, wanted)) {
            out->route = r;
            problem_free(p);
            return true;
        }
        allow(p, r->verb);
    }
    if (p->allow[0])
        return problem_set(p, 405, "%.16s is not allowed at %.256s; allowed: %s", verb, path, p->allow);
    return problem_set(p, 404, "there is nothing at %.256s", path);
}
