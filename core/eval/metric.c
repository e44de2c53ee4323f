/* SPDX-License-Identifier: MIT */
/*
 * metric.c — everything from one sorted pass: scores in order, cut into groups of equal score. Within a group the
 * order of normals and anomalies is unknown, which is what "ties count half" means. Knows no model.
 */
#include "eval/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* A run of equal scores. */
struct group {
    size_t normals, anomalies;
};

/* Groups by ascending score. */
struct ranking {
    struct group *groups;
    size_t count, normals, anomalies;
};

struct entry {
    float score;
    uint8_t anomalous;
};

static int by_score(const void *a, const void *b)
{
    float x = ((const struct entry *)a)->score, y = ((const struct entry *)b)->score;
    return (x > y) - (x < y);
}

static bool check_scores(const float *scores, size_t n, error *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            return error_set(e, ERROR_DIVERGED, "score %zu of %zu is %g, not a finite number", i, n, (double)scores[i]);
    return true;
}

/* Fills *r; free(r->groups) afterwards. */
static bool rank(const float *scores, const uint8_t *anomalous, size_t n, struct ranking *r, error *e)
{
    *r = (struct ranking){0};
    if (!check_scores(scores, n, e))
        return false;
    struct entry *entries = calloc(n ? n : 1, sizeof *entries);
    struct group *groups = calloc(n ? n : 1, sizeof *groups);
    if (!entries || !groups) {
        free(entries);
        free(groups);
        return error_memory(e, "ranking scores");
    }
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){scores[i], anomalous[i]};
    qsort(entries, n, sizeof *entries, by_score);
    for (size_t i = 0; i < n; i++) {
        assert(entries[i].anomalous <= 1);
        if (!i || entries[i].score != entries[i - 1].score)
            r->count++;
        groups[r->count - 1].anomalies += entries[i].anomalous;
        groups[r->count - 1].normals += !entries[i].anomalous;
        r->anomalies += entries[i].anomalous;
    }
    free(entries);
    r->groups = groups;
    r->normals = n - r->anomalies;
    if (r->normals && r->anomalies)
        return true;
    free(groups);
    r->groups = NULL;
    return error_set(e, ERROR_INVALID, "both kinds are needed to measure: %zu normals and %zu anomalies given",
                     r->normals, r->anomalies);
}

/* The placement of an anomaly of group g is the share of normals below it, of a normal the share of anomalies above
 * it, ties half. Both average to the AUROC; DeLong's variance is that of the two means. */
static double squared_deviations(const struct ranking *r, double mean, bool of_anomalies)
{
    double sum = 0, normals_below = 0, anomalies_below = 0;
    double normals = (double)r->normals, anomalies = (double)r->anomalies;
    for (size_t g = 0; g < r->count; g++) {
        double p = (double)r->groups[g].anomalies, q = (double)r->groups[g].normals;
        double placement =
            of_anomalies ? (normals_below + 0.5 * q) / normals : (anomalies - anomalies_below - 0.5 * p) / anomalies;
        sum += (of_anomalies ? p : q) * (placement - mean) * (placement - mean);
        normals_below += q;
        anomalies_below += p;
    }
    return sum;
}

bool metric_auroc(const float *scores, const uint8_t *anomalous, size_t n, auroc *out, error *e)
{
    struct ranking r;
    if (!rank(scores, anomalous, n, &r, e))
        return false;
    double wins = 0, normals_below = 0;
    for (size_t g = 0; g < r.count; g++) {
        double q = (double)r.groups[g].normals;
        wins += (double)r.groups[g].anomalies * (normals_below + 0.5 * q);
        normals_below += q;
    }
    double p = (double)r.anomalies, q = (double)r.normals;
    *out = (auroc){.value = wins / (p * q), .low = 0, .high = 1};
    if (r.anomalies >= 2 && r.normals >= 2) {
        const double normal_975 = 1.959963984540054; /* quantile of the normal distribution */
        double variance = squared_deviations(&r, out->value, true) / ((p - 1) * p) +
                          squared_deviations(&r, out->value, false) / ((q - 1) * q);
        out->deviation = sqrt(variance);
        out->low = fmax(0, out->value - normal_975 * out->deviation);
        out->high = fmin(1, out->value + normal_975 * out->deviation);
    }
    free(r.groups);
    return true;
}

bool metric_average_precision(const float *scores, const uint8_t *anomalous, size_t n, double *out, error *e)
{
    struct ranking r;
    if (!rank(scores, anomalous, n, &r, e))
        return false;
    double found = 0, flagged = 0, sum = 0;
    for (size_t g = r.count; g-- > 0;) {
        double p = (double)r.groups[g].anomalies;
        found += p;
        flagged += p + (double)r.groups[g].normals;
        sum += p / (double)r.anomalies * (found / flagged);
    }
    free(r.groups);
    *out = sum;
    return true;
}

struct corner {
    size_t normals, anomalies; /* at or above the threshold */
};

/* The curve's points where its direction changes, (0, 0) and the last included; `to` has room for groups + 1. */
static size_t corners(const struct ranking *r, struct corner *to)
{
    size_t n = 1;
    to[0] = (struct corner){0};
    for (size_t g = r->count; g-- > 0;) {
        struct corner last = to[n - 1];
        struct corner here = {last.normals + r->groups[g].normals, last.anomalies + r->groups[g].anomalies};
        if (n >= 2) {
            struct corner before = to[n - 2];
            double straight = (double)(last.normals - before.normals) * (double)(here.anomalies - last.anomalies) -
                              (double)(last.anomalies - before.anomalies) * (double)(here.normals - last.normals);
            n -= straight == 0;
        }
        to[n++] = here;
    }
    return n;
}

/* Keeps both ends and corners at least a step apart along the curve, measured as x + y, which grows from 0 to 2. */
static size_t thin(struct corner *c, size_t n, size_t limit, const struct ranking *r)
{
    if (n <= limit)
        return n;
    double step = 2.0 / (double)(limit - 1), kept_along = 0;
    size_t kept = 1;
    for (size_t i = 1; i + 1 < n && kept + 1 < limit; i++) {
        double along = (double)c[i].normals / (double)r->normals + (double)c[i].anomalies / (double)r->anomalies;
        if (along - kept_along >= step) {
            c[kept++] = c[i];
            kept_along = along;
        }
    }
    c[kept++] = c[n - 1];
    return kept;
}

size_t metric_roc(const float *scores, const uint8_t *anomalous, size_t n, size_t limit, float *false_positive,
                  float *true_positive, error *e)
{
    assert(limit >= 2);
    struct ranking r;
    if (!rank(scores, anomalous, n, &r, e))
        return 0;
    struct corner *c = calloc(r.count + 1, sizeof *c);
    if (!c) {
        free(r.groups);
        error_memory(e, "a ROC curve");
        return 0;
    }
    size_t count = thin(c, corners(&r, c), limit, &r);
    for (size_t i = 0; i < count; i++) {
        false_positive[i] = (float)((double)c[i].normals / (double)r.normals);
        true_positive[i] = (float)((double)c[i].anomalies / (double)r.anomalies);
    }
    free(c);
    free(r.groups);
    return count;
}

bool metric_histogram(const float *scores, const uint8_t *anomalous, size_t n, int bins, double *low, double *high,
                      uint32_t *normal, uint32_t *anomalies, error *e)
{
    assert(bins > 0);
    if (!n)
        return error_set(e, ERROR_INVALID, "a histogram needs at least one score");
    if (!check_scores(scores, n, e))
        return false;
    double least = scores[0], greatest = scores[0];
    for (size_t i = 1; i < n; i++) {
        least = fmin(least, scores[i]);
        greatest = fmax(greatest, scores[i]);
    }
    for (int b = 0; b < bins; b++)
        normal[b] = anomalies[b] = 0;
    double scale = greatest > least ? bins / (greatest - least) : 0;
    for (size_t i = 0; i < n; i++) {
        int b = (int)((scores[i] - least) * scale);
        uint32_t *counts = anomalous[i] ? anomalies : normal;
        counts[b < bins ? b : bins - 1]++;
    }
    *low = least;
    *high = greatest;
    return true;
}

double metric_p_value(const float *sorted, size_t n, float score)
{
    if (isnan(score))
        return NAN;
    size_t below = 0, end = n; /* sorted[0 … below-1] < score <= sorted[end …] */
    while (below < end) {
        size_t middle = below + (end - below) / 2;
        if (sorted[middle] < score)
            below = middle + 1;
        else
            end = middle;
    }
    return (1.0 + (double)(n - below)) / ((double)n + 1.0);
}

bool metric_threshold(const float *sorted, size_t n, double rate, float *out)
{
    /* The slack keeps (n+1)(1-rate) from being rounded up past a whole number that it is meant to be. */
    double place = ceil((double)(n + 1) * (1.0 - rate) * (1.0 - 1e-12));
    if (!n || !(place <= (double)n))
        return false;
    *out = sorted[place < 1 ? 0 : (size_t)place - 1];
    return true;
}
