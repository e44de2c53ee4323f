/* SPDX-License-Identifier: MIT */
/* metrics.h — counts of answers and histograms of their durations, by route. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_METRICS_H
#define ANOMALYD_API_HTTP_METRICS_H

#include "api/http/router.h"

#include <stdint.h>
#include <stdio.h>

typedef struct metrics metrics;

/* Borrows the table of routes. Returns new; NULL and *e when memory is out. */
metrics *metrics_new(const route *table, error *e);
void metrics_free(metrics *m);
/* Counts an answer; `r` is of the table, or NULL for a path without a route. */
void metrics_count(metrics *m, const route *r, unsigned status, int64_t duration_us);
/* Writes Prometheus text. */
void metrics_print(const metrics *m, FILE *out);

#endif
