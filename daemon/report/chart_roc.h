/* SPDX-License-Identifier: MIT */
/* chart_roc.h — ROC curves in a square, with what lies under each in the legend beside it. */
#ifndef ANOMALYD_DAEMON_REPORT_CHART_ROC_H
#define ANOMALYD_DAEMON_REPORT_CHART_ROC_H

#include "base/error.h"

#include <stddef.h>

/* Borrowed for the call. */
typedef struct roc_curve {
    const char *name;
    double auroc, low, high; /* with its interval; NaN: none */
    const double *false_positive, *true_positive;
    size_t count; /* of points; 0: there is no curve, which the legend says */
} roc_curve;

typedef struct roc_chart {
    const char *title, *subtitle;
    const roc_curve *curves; /* the place of each decides its colour */
    int count;
} roc_chart;

/* SVG; returns new, free() it. NULL: out of memory. */
char *chart_roc(const roc_chart *c, size_t *size, error *e);

#endif
