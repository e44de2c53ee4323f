/* SPDX-License-Identifier: MIT */
/*
 * metric.c — computes every metric from sorted scores that are cut into groups of equal score. Within a group the
 * order of normals and anomalies is unknown, so that ties count half. Knows no model.
 */
#include "eval/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* The normals and anomalies that have one score. */
struct group {
    size_t normals, anomalies;
};

/* The groups, by ascending score. */
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

/* Sorts the scores into *r. The caller releases r->groups with free(). */
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

/* Sums the squared deviations of one kind's placements from the AUROC. The placement of an anomaly is the share of
 * normals below it, that of a normal the share of anomalies above it; ties count half. The mean of either kind is the
 * AUROC, and DeLong's variance is the sum of the variances of the two means. */
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

static const double normal_975 = 1.959963984540054; /* quantile of the normal distribution */

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
        double variance = squared_deviations(&r, out->value, true) / ((p - 1) * p) +
                          squared_deviations(&r, out->value, false) / ((q - 1) * q);
        out->deviation = sqrt(variance);
        out->low = fmax(0, out->value - normal_975 * out->deviation);
        out->high = fmin(1, out->value + normal_975 * out->deviation);
    }
    free(r.groups);
    return true;
}

/* An image's score with its index, by which it is found again after sorting. */
struct place {
    float score;
    uint32_t image;
};

static int by_place(const void *a, const void *b)
{
    float x = ((const struct place *)a)->score, y = ((const struct place *)b)->score;
    return (x > y) - (x < y);
}

/* Adds to wins[i], `weight` times, 2 for each image of the other kind that image i is on the right side of, and 1 for
 * each tie. This is the placement in whole numbers, so that equal rankings cancel exactly. */
static bool add_wins(const float *scores, const uint8_t *anomalous, size_t n, int64_t weight, int64_t *wins, error *e)
{
    if (!check_scores(scores, n, e))
        return false;
    struct place *order = calloc(n + 1, sizeof *order);
    if (!order)
        return error_memory(e, "ranking scores");
    int64_t anomalies = 0, normals_below = 0, anomalies_below = 0;
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct place){scores[i], (uint32_t)i};
        anomalies += anomalous[i];
    }
    qsort(order, n, sizeof *order, by_place);
    for (size_t first = 0, end; first < n; first = end) {
        int64_t p = 0;
        for (end = first; end < n && order[end].score == order[first].score; end++)
            p += anomalous[order[end].image];
        int64_t q = (int64_t)(end - first) - p;
        for (size_t i = first; i < end; i++) {
            uint32_t image = order[i].image;
            int64_t won = anomalous[image] ? 2 * normals_below + q : 2 * (anomalies - anomalies_below - p) + p;
            wins[image] += weight * won;
        }
        normals_below += q;
        anomalies_below += p;
    }
    free(order);
    return true;
}

/* The sum of one kind's wins, and the sum of their squared deviations from the mean. */
struct win_sums {
    double count, total, squares;
};

static struct win_sums win_sums_of(const int64_t *wins, const uint8_t *anomalous, size_t n, uint8_t kind)
{
    struct win_sums s = {0};
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        s.count += anomalous[i] == kind;
        total += anomalous[i] == kind ? wins[i] : 0;
    }
    s.total = (double)total;
    for (size_t i = 0; i < n; i++) {
        double off = (double)wins[i] - s.total / s.count;
        s.squares += anomalous[i] == kind ? off * off : 0;
    }
    return s;
}

/* Fills the interval and the test. The variance of a difference of AUROCs is that of the mean difference of placements,
 * over anomalies plus over normals. DeLong's covariance matrix gives the same, but with cancellation. */
static void judge_difference(struct win_sums anomalies, struct win_sums normals, auroc_difference *out)
{
    double p = anomalies.count, q = normals.count;
    *out = (auroc_difference){anomalies.total / (2 * p * q), NAN, NAN, NAN, NAN, NAN, NULL};
    if (p < 2 || q < 2) {
        out->untested = "fewer than two images of a kind were tested";
        return;
    }
    double variance = anomalies.squares / ((p - 1) * p) / (4 * q * q) + normals.squares / ((q - 1) * q) / (4 * p * p);
    if (variance <= 0) {
        out->untested = out->value == 0 ? "both rank the images alike" : "the placements of the images do not vary";
        return;
    }
    out->deviation = sqrt(variance);
    out->low = fmax(-1, out->value - normal_975 * out->deviation);
    out->high = fmin(1, out->value + normal_975 * out->deviation);
    out->z = out->value / out->deviation;
    out->p_value = erfc(fabs(out->z) / sqrt(2));
}

bool metric_compare(const float *a, const float *b, const uint8_t *anomalous, size_t n, auroc_difference *out, error *e)
{
    int64_t *wins = calloc(n + 1, sizeof *wins);
    if (!wins)
        return error_memory(e, "comparing scores");
    bool good = add_wins(a, anomalous, n, 1, wins, e) && add_wins(b, anomalous, n, -1, wins, e);
    if (good) {
        struct win_sums anomalies = win_sums_of(wins, anomalous, n, 1), normals = win_sums_of(wins, anomalous, n, 0);
        if (anomalies.count > 0 && normals.count > 0)
            judge_difference(anomalies, normals, out);
        else
            good =
                error_set(e, ERROR_INVALID, "both kinds are needed to compare: %.0f normals and %.0f anomalies given",
                          normals.count, anomalies.count);
    }
    free(wins);
    return good;
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

/* Lists the points where the curve changes its direction, with (0, 0) and the last one. `to` has room for groups + 1.
 */
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

/* Keeps both ends, and of the other corners those at least a step apart along the curve; x + y, which grows from 0 to
 * 2, measures the distance. */
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
    double low_score = scores[0], high_score = scores[0];
    for (size_t i = 1; i < n; i++) {
        low_score = fmin(low_score, scores[i]);
        high_score = fmax(high_score, scores[i]);
    }
    for (int b = 0; b < bins; b++)
        normal[b] = anomalies[b] = 0;
    double scale = high_score > low_score ? bins / (high_score - low_score) : 0;
    for (size_t i = 0; i < n; i++) {
        int b = (int)((scores[i] - low_score) * scale);
        uint32_t *counts = anomalous[i] ? anomalies : normal;
        counts[b < bins ? b : bins - 1]++;
    }
    *low = low_score;
    *high = high_score;
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
    /* Rounding may have put (n+1)(1-rate) slightly above the whole number that it should be; the slack undoes that. */
    double place = ceil((double)(n + 1) * (1.0 - rate) * (1.0 - 1e-12));
    if (!n || !(place <= (double)n))
        return false;
    *out = sorted[place < 1 ? 0 : (size_t)place - 1];
    return true;
}
