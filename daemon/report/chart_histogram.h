/* SPDX-License-Identifier: MIT */
/* chart_histogram.h — the scores of normal and of anomalous images, each kind as shares of itself. */
#ifndef ANOMALYD_DAEMON_REPORT_CHART_HISTOGRAM_H
#define ANOMALYD_DAEMON_REPORT_CHART_HISTOGRAM_H

#include "base/error.h"

#include <stddef.h>

/* Borrowed for the call. */
typedef struct histogram_chart {
    const char *title, *subtitle;
    double low, high;                 /* of the scores: `bins` equal bins lie between */
    const double *normal, *anomalous; /* counts */
    size_t bins;                      /* 0, or a range that is not finite: the chart says that there is nothing */
} histogram_chart;

/* SVG; returns new, free() it. NULL: out of memory. */
char *chart_histogram(const histogram_chart *c, size_t *size, error *e);

#endif
