/* SPDX-License-Identifier: MIT */
/*
 * charts.h — the charts of a report. What describes one is borrowed for the call, which returns new SVG text of *size
 * bytes, to be ended by free(); NULL and *e when memory is out.
 */
#ifndef ANOMALYD_DAEMON_REPORT_CHARTS_H
#define ANOMALYD_DAEMON_REPORT_CHARTS_H

#include "base/error.h"

#include <stddef.h>

/* AUROCs of methods on classes as dots with intervals, and figures of others as hollow marks. */
typedef struct dot {
    double value, low, high; /* NaN: missing; an interval may be */
} dot;

/* A figure of another's. */
typedef struct dot_other {
    int method, column, source; /* places in the lists below */
    double value;
} dot_other;

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
char *chart_dots(const dot_chart *c, size_t *size, error *e);

/* The scores of normal and of anomalous images, each kind as shares of itself. */
typedef struct histogram_chart {
    const char *title, *subtitle;
    double low, high;                 /* of the scores: `bins` equal bins lie between */
    const double *normal, *anomalous; /* counts */
    size_t bins;                      /* 0, or a range that is not finite: the chart says that there is nothing */
} histogram_chart;
char *chart_histogram(const histogram_chart *c, size_t *size, error *e);

/* ROC curves in a square, with what lies under each in the legend beside it. */
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
char *chart_roc(const roc_chart *c, size_t *size, error *e);

#endif
