/* SPDX-License-Identifier: MIT */
/* metrics.c — counters and histograms, and GET /metrics: ours first, then what the service appends. */
#include "api/http/metrics.h"

#include "api/http/inside.h"
#include "api/resources/resources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const unsigned statuses[] = {200, 201, 202, 204, 400, 404, 405, 406, 409, 413,
                                    415, 417, 422, 429, 499, 500, 501, 503, 504, 507};
static const double bounds_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
enum {
    STATUSES = sizeof statuses / sizeof *statuses,
    BOUNDS = sizeof bounds_s / sizeof *bounds_s,
    UNROUTED = ROUTE_COUNT_MAX /* the place of paths without a route */
};

typedef struct tally {
    uint64_t by_status[STATUSES + 1]; /* the last: any other */
    uint64_t by_bound[BOUNDS];        /* not cumulated */
    uint64_t count;
    double sum_s;
} tally;

struct metrics {
    tally tallies[ROUTE_COUNT_MAX + 1];
};

metrics *metrics_new(error *e)
{
    metrics *m = calloc(1, sizeof *m);
    if (!m)
        error_memory(e, "the metrics");
    return m;
}

void metrics_free(metrics *m)
{
    free(m);
}

void metrics_count(metrics *m, const route *r, unsigned status, int64_t duration_us)
{
    tally *t = &m->tallies[r ? route_index(r) : UNROUTED];
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
    for (const route *r = route_table(); r->pattern; r++) {
        const tally *t = &m->tallies[route_index(r)];
        if (t->count)
            print(t, r->verb, r->pattern, out);
    }
    if (m->tallies[UNROUTED].count)
        print(&m->tallies[UNROUTED], "any", "none", out);
}

static void print_all(const server *s, FILE *out)
{
    fprintf(out, "# HELP anomalyd_http_requests_total Answers by route, method and status; 499: the client left.\n"
                 "# TYPE anomalyd_http_requests_total counter\n");
    for_each(s->metrics, print_counters, out);
    fprintf(out, "# HELP anomalyd_http_request_duration_seconds From the headers to the end of the answer.\n"
                 "# TYPE anomalyd_http_request_duration_seconds histogram\n");
    for_each(s->metrics, print_histogram, out);
    size_t connections = 0;
    for (const peer *p = s->peers; p; p = p->next)
        connections++;
    fprintf(out,
            "# HELP anomalyd_http_connections Open connections.\n# TYPE anomalyd_http_connections gauge\n"
            "anomalyd_http_connections %zu\n"
            "# HELP anomalyd_http_requests_in_progress Requests whose answer has not left.\n"
            "# TYPE anomalyd_http_requests_in_progress gauge\nanomalyd_http_requests_in_progress %zu\n"
            "# HELP anomalyd_http_body_bytes Bytes of request bodies held in memory.\n"
            "# TYPE anomalyd_http_body_bytes gauge\nanomalyd_http_body_bytes %zu\n",
            connections, s->busy, s->bodies_bytes);
}

void get_metrics(request *r)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool whole = false;
    if (out) {
        print_all(r->server, out);
        r->host->metrics(r->host->self, out);
        whole = !ferror(out);
        whole = fclose(out) == 0 && whole;
    }
    if (!whole) {
        free(text);
        text = NULL;
    }
    request_reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
}
