/* SPDX-License-Identifier: MIT */
/*
 * metric.h — how well scores separate anomalies from normals. Anomalies are positive; a higher score is
 * more anomalous; ties count half; a score that is not finite is an error, never a rank.
 */
#ifndef ANOMALYD_EVAL_METRIC_H
#define ANOMALYD_EVAL_METRIC_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* AUROC with its DeLong 95% interval (DeLong, DeLong & Clarke-Pearson, Biometrics 1988; computed from midranks
 * in O(n log n) after Sun & Xu, 2014), clipped to [0, 1]. The interval covers the sampling of test images, not
 * training. */
typedef struct auroc {
    double value, deviation, low, high;
} auroc;

/* Computes the AUROC of n scores; anomalous[i] is 1 for an anomaly, else 0. Needs at least one image of each kind; with
 * fewer than two of a kind, deviation is 0 and the interval is [0, 1]. All functions here are pure: any thread. */
bool metric_auroc(const float *scores, const uint8_t *anomalous, size_t n, auroc *out, error *e);

/* The AUROC of one scoring minus that of another, of the same images: the paired test of DeLong, DeLong &
 * Clarke-Pearson, computed as above. */
typedef struct auroc_difference {
    double value;
    double deviation, low, high; /* standard error and 95% interval, clipped to [-1, 1]; NaN without a test */
    double z, p_value;           /* two-sided, of the hypothesis that the areas are the same; NaN without a test */
    const char *untested;        /* why only `value` is known; static. NULL: all fields are known */
} auroc_difference;

/* Compares two scorings of the same images: a[i] and b[i] are scores of image i. Needs at least one image of each kind.
 * There is no test with fewer than two of a kind, nor where the difference of placements is the same for all images
 * (two scorings that rank alike, or one that is right and one that is wrong throughout). */
bool metric_compare(const float *a, const float *b, const uint8_t *anomalous, size_t n, auroc_difference *out,
                    error *e);

/* Computes the average precision, Σ (R_k - R_{k-1})·P_k over distinct thresholds, descending. */
bool metric_average_precision(const float *scores, const uint8_t *anomalous, size_t n, double *out, error *e);

/* Writes at most `limit` >= 2 points of the ROC curve, from (0, 0) to (1, 1), into false_positive[] and
 * true_positive[]. Returns how many, 0 on failure. */
size_t metric_roc(const float *scores, const uint8_t *anomalous, size_t n, size_t limit, float *false_positive,
                  float *true_positive, error *e);

/* Counts the normal and the anomalous scores in `bins` equal bins over [*low, *high], the smallest and largest score.
 */
bool metric_histogram(const float *scores, const uint8_t *anomalous, size_t n, int bins, double *low, double *high,
                      uint32_t *normal, uint32_t *anomalies, error *e);

/* Returns the conformal p-value (1 + #{calibration >= score})/(n + 1). sorted: n calibration scores, ascending. NaN for
 * a score of NaN. */
double metric_p_value(const float *sorted, size_t n, float score);
/* Finds the smallest threshold t such that "score > t is anomalous" has a false-alarm rate of at most `rate` under
 * exchangeability: the ⌈(n+1)(1-rate)⌉-th smallest score. False, without an error, when n is too small for it. */
bool metric_threshold(const float *sorted, size_t n, double rate, float *out);

#endif
