/* SPDX-License-Identifier: MIT */
/* refine.c — fits the lines of refine.h by least squares and applies them. */
#include "eval/refine.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* Returns the score, or its logarithm. A score of 0 has none and counts as the smallest normal float. NaN stays NaN:
 * with fmax it would become the most normal score. */
static double transformed(bool logarithm, float score)
{
    return logarithm ? log((double)(score < FLT_MIN ? FLT_MIN : score)) : (double)score;
}

/* Returns whether all scores are finite; *positive tells whether all are above 0. */
static bool look(const float *scores, size_t n, bool *positive)
{
    bool finite = true;
    *positive = true;
    for (size_t i = 0; i < n; i++) {
        finite = finite && isfinite(scores[i]);
        *positive = *positive && scores[i] > 0;
    }
    return finite;
}

static double mean_complexity(const float *complexity, size_t n)
{
    double sum = 0;
    for (size_t i = 0; complexity && i < n; i++)
        sum += (double)complexity[i];
    return sum / (double)n;
}

typedef struct moments {
    double u, c;       /* means */
    double uu, cc, uc; /* sums of squares and products about them */
} moments;

static moments measure(bool logarithm, const float *scores, const float *complexity, size_t n)
{
    moments m = {.c = mean_complexity(complexity, n)};
    for (size_t i = 0; i < n; i++)
        m.u += transformed(logarithm, scores[i]);
    m.u /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double u = transformed(logarithm, scores[i]) - m.u, c = complexity ? (double)complexity[i] - m.c : 0;
        m.uu += u * u;
        m.cc += c * c;
        m.uc += u * c;
    }
    return m;
}

static bool fit_one(const float *scores, const float *complexity, size_t n, struct refine_component *out, error *e)
{
    if (!look(scores, n, &out->logarithm))
        return error_set(e, ERROR_DIVERGED, "a score of a held-out image is not a finite number");
    moments m = measure(out->logarithm, scores, complexity, n);
    double slope = m.cc > 0 ? m.uc / m.cc : 0;
    double left = m.uu - slope * m.uc, deviation = sqrt(fmax(left, 0) / (double)(n - 1));
    out->slope = (float)slope;
    out->level = (float)(m.u - slope * m.c);
    out->deviation = (float)deviation;
    /* Scores that are all the same, or lie on a line, have about this deviation by rounding alone. */
    if (!(deviation > 1e-6 * fmax(1, fabs(m.u))))
        return error_set(e, ERROR_INVALID, "the held-out images leave no scale: their scores do not differ");
    return true;
}

bool refine_fit(const float *const *scores, int count, const float *complexity, size_t n, refinement *out, error *e)
{
    assert(count > 0 && count <= REFINE_COMPONENTS_MAX);
    if (n < REFINE_IMAGES_MIN)
        return error_set(e, ERROR_INVALID, "%zu held-out images are too few to refine a score by; at least %d", n,
                         REFINE_IMAGES_MIN);
    out->count = count;
    for (int k = 0; k < count; k++)
        if (!fit_one(scores[k], complexity, n, &out->components[k], e))
            return error_at(e, "score %d of %d", k + 1, count);
    return true;
}

float refine_apply(const refinement *r, const float *scores, float complexity)
{
    double sum = 0;
    for (int k = 0; k < r->count; k++) {
        const struct refine_component *c = &r->components[k];
        double u = transformed(c->logarithm, scores[k]) - (double)c->level - (double)c->slope * (double)complexity;
        sum += u / (double)c->deviation;
    }
    return (float)(sum / r->count);
}

void refine_pack(const refinement *r, float *values)
{
    for (int k = 0; k < r->count; k++) {
        const struct refine_component *c = &r->components[k];
        const float packed[REFINE_VALUES] = {c->logarithm ? 1 : 0, c->level, c->slope, c->deviation};
        for (int i = 0; i < REFINE_VALUES; i++)
            values[k * REFINE_VALUES + i] = packed[i];
    }
}

bool refine_unpack(const float *values, size_t count, refinement *out, error *e)
{
    if (count == 0 || count % REFINE_VALUES != 0 || count > REFINE_COMPONENTS_MAX * REFINE_VALUES)
        return error_set(e, ERROR_CORRUPT, "%zu numbers are no refinement", count);
    out->count = (int)(count / REFINE_VALUES);
    for (int k = 0; k < out->count; k++) {
        const float *v = values + k * REFINE_VALUES;
        out->components[k] = (struct refine_component){v[0] != 0, v[1], v[2], v[3]};
        if ((v[0] != 0 && v[0] != 1) || !isfinite(v[1]) || !isfinite(v[2]) || !(isfinite(v[3]) && v[3] > 0))
            return error_set(e, ERROR_CORRUPT, "score %d of %d has no scale", k + 1, out->count);
    }
    return true;
}
