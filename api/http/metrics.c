/* SPDX-License-Identifier: MIT */
/* metrics.c — see metrics.h. */
#include "api/http/metrics.h"

#include <inttypes.h>
#include <stdlib.h>

static const unsigned statuses[] = {200, 201, 202, 204, 400, 404, 405, 406, 409, 413,
                                    415, 417, 422, 429, 499, 500, 501, 503, 504, 507};
static const double bounds_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
enum { STATUSES = sizeof statuses / sizeof *statuses, BOUNDS = sizeof bounds_s / sizeof *bounds_s };

typedef struct tally {
    uint64_t by_status[STATUSES + 1]; /* the last: any other */
    uint64_t by_bound[BOUNDS];        /* not cumulated */
    uint64_t count;
    double sum_s;
} tally;

struct metrics {
    const route *table;
    size_t count;    /* of routes */
    tally tallies[]; /* one a route; the last is of paths without one */
};

metrics *metrics_new(const route *table, error *e)
{
    size_t count = 0;
    while (table[count].pattern)
        count++;
    metrics *m = calloc(1, sizeof *m + (count + 1) * sizeof *m->tallies);
    if (m)
        *m = (metrics){.table = table, .count = count};
    else
        error_memory(e, "the metrics");
    return m;
}

void metrics_free(metrics *m)
{
    free(m);
}

void metrics_count(metrics *m, const route *r, unsigned status, int64_t duration_us)
{
    tally *t = &m->tallies[r ? (size_t)(r - m->table) : m->count];
    double seconds = (double)duration_us / 1e6;
    size_t i = 0;
    while (i < STATUSES && statuses[i] != status)
        i++;
    t->by_status[i]++;
    for (i = 0; i < BOUNDS && seconds > bounds_s[i]; i++)
        ;
    if (i < BOUNDS)
        t->by_bound[i]++;
    t->count++;
    t->sum_s += seconds;
}

static void print_counters(const tally *t, const char *verb, const char *pattern, FILE *out)
{
    for (size_t i = 0; i <= STATUSES; i++) {
        char code[16] = "other";
        if (!t->by_status[i])
            continue;
        if (i < STATUSES)
            snprintf(code, sizeof code, "%u", statuses[i]);
        fprintf(out, "anomalyd_http_requests_total{route=\"%s\",method=\"%s\",code=\"%s\"} %" PRIu64 "\n", pattern,
                verb, code, t->by_status[i]);
    }
}

static void print_histogram(const tally *t, const char *verb, const char *pattern, FILE *out)
{
    static const char name[] = "anomalyd_http_request_duration_seconds";
    uint64_t below = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        below += t->by_bound[i];
        fprintf(out, "%s_bucket{route=\"%s\",method=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, pattern, verb, bounds_s[i],
                below);
    }
    fprintf(out, "%s_bucket{route=\"%s\",method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, pattern, verb, t->count);
    fprintf(out, "%s_sum{route=\"%s\",method=\"%s\"} %.6f\n", name, pattern, verb, t->sum_s);
    fprintf(out, "%s_count{route=\"%s\",method=\"%s\"} %" PRIu64 "\n", name, pattern, verb, t->count);
}

static void for_each(const metrics *m, void (*print)(const tally *, const char *, const char *, FILE *), FILE *out)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->tallies[i].count)
            print(&m->tallies[i], m->table[i].verb, m->table[i].pattern, out);
    if (m->tallies[m->count].count)
        print(&m->tallies[m->count], "any", "none", out);
}

void metrics_print(const metrics *m, FILE *out)
{
    fprintf(out, "# HELP anomalyd_http_requests_total Answers by route, method and status; 499: the client left.\n"
                 "# TYPE anomalyd_http_requests_total counter\n");
    for_each(m, print_counters, out);
    fprintf(out, "# HELP anomalyd_http_request_duration_seconds From the headers to the end of the answer.\n"
                 "# TYPE anomalyd_http_request_duration_seconds histogram\n");
    for_each(m, print_histogram, out);
}
