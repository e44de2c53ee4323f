/* SPDX-License-Identifier: MIT */
/* metrics.h — counts of requests and histograms of their durations, by route. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_METRICS_H
#define ANOMALYD_API_HTTP_METRICS_H

#include "api/http/router.h"

#include <stdint.h>

typedef struct metrics metrics;

metrics *metrics_new(error *e);
void metrics_free(metrics *m);
/* `r` NULL: a path without a route. */
void metrics_count(metrics *m, const route *r, unsigned status, int64_t duration_us);

#endif
