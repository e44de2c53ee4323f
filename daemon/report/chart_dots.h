/* SPDX-License-Identifier: MIT */
/* chart_dots.h — AUROCs of methods on classes as dots with intervals, and figures of others as hollow marks. */
#ifndef ANOMALYD_DAEMON_REPORT_CHART_DOTS_H
#define ANOMALYD_DAEMON_REPORT_CHART_DOTS_H

#include "base/error.h"

#include <stddef.h>

typedef struct dot {
    double value, low, high; /* NaN: missing; an interval may be */
} dot;

/* A figure of another's. */
typedef struct dot_other {
    int method, column, source; /* places in the lists below */
    double value;
} dot_other;

/* Borrowed for the call. */
typedef struct dot_chart {
    const char *title, *subtitle;
    const char *const *methods; /* the place of each decides its colour */
    const char *const *classes;
    int method_count, class_count;
    const dot *dots; /* methods of the first class, then of the second, … */
    const dot_other *others;
    int other_count;
    const char *const *sources; /* the place of each decides its mark */
    int source_count;
} dot_chart;

/* SVG; returns new, free() it. NULL: out of memory. */
char *chart_dots(const dot_chart *c, size_t *size, error *e);

#endif
