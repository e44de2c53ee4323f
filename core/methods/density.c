/* SPDX-License-Identifier: MIT */
/* density.c — distances by GEMM, sums of exponentials by a vectorisable loop, both in fixed tiles. */
#include "methods/density.h"

#include "base/blas.h"
#include "base/exponential.h"
#include "base/simd.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_BLOCK = 512 }; /* points in one product: its 16 columns of distances stay in the first-level caches */

void density_norms(const float *points, size_t n, int k, float *norms)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < k; j++)
            sum += (double)points[i * (size_t)k + (size_t)j] * (double)points[i * (size_t)k + (size_t)j];
        norms[i] = (float)sum;
    }
}

size_t density_work(void)
{
    return POINTS_BLOCK * TILE_ROWS;
}

/* Turns products into squared distances, in place, and finds the smallest of each column. */
SIMD_CLONES static void to_distances(float *g, const float *norms, const float *own, size_t count,
                                     float nearest[TILE_ROWS])
{
    for (int q = 0; q < TILE_ROWS; q++)
        nearest[q] = INFINITY;
    for (size_t i = 0; i < count; i++) {
        float *row = g + i * TILE_ROWS, norm = norms[i];
        for (int q = 0; q < TILE_ROWS; q++) {
            float distance = norm + own[q] - 2 * row[q];
            distance = distance > 0 ? distance : 0;
            row[q] = distance;
            nearest[q] = distance < nearest[q] ? distance : nearest[q];
        }
    }
}

SIMD_CLONES static void sum_exponentials(const float *g, size_t count, float factor, const float nearest[TILE_ROWS],
                                         double sums[TILE_ROWS])
{
    for (int q = 0; q < TILE_ROWS; q++)
        sums[q] = 0;
    for (size_t i = 0; i < count; i++)
        for (int q = 0; q < TILE_ROWS; q++)
            sums[q] += (double)exp_negative((nearest[q] - g[i * TILE_ROWS + (size_t)q]) * factor);
}

void density_tile(const density *d, const float *z, float *work, double out[TILE_ROWS])
{
    double factor = 1 / (2 * d->bandwidth * d->bandwidth), lowest[TILE_ROWS], totals[TILE_ROWS] = {0};
    float own[TILE_ROWS];
    for (int q = 0; q < TILE_ROWS; q++) {
        double norm = 0;
        for (int j = 0; j < d->k; j++)
            norm += (double)z[(size_t)j * TILE_ROWS + (size_t)q] * (double)z[(size_t)j * TILE_ROWS + (size_t)q];
        own[q] = (float)norm;
        lowest[q] = INFINITY;
    }
    for (size_t first = 0; first < d->n; first += POINTS_BLOCK) {
        size_t count = d->n - first < POINTS_BLOCK ? d->n - first : POINTS_BLOCK;
        float nearest[TILE_ROWS];
        double sums[TILE_ROWS];
        tile_apply(d->points + first * (size_t)d->k, (int)count, d->k, z, work);
        to_distances(work, d->norms + first, own, count, nearest);
        sum_exponentials(work, count, (float)factor, nearest, sums);
        for (int q = 0; q < TILE_ROWS; q++) {
            /* Both sums are relative to the smallest distance seen so far: whichever is larger is rescaled. */
            double now = (double)nearest[q] < lowest[q] ? (double)nearest[q] : lowest[q];
            double earlier = totals[q] > 0 ? totals[q] * exp((now - lowest[q]) * factor) : 0;
            totals[q] = earlier + sums[q] * exp((now - (double)nearest[q]) * factor);
            lowest[q] = now;
        }
    }
    for (int q = 0; q < TILE_ROWS; q++)
        out[q] = lowest[q] * factor - log(totals[q] / (double)d->n);
}

typedef struct search {
    const float *points; /* m×k, in the order of the draw: fold f is a contiguous run of them */
    const float *norms;
    size_t m;
    int k, folds;
    float *distances; /* m×m, squared */
    double bandwidth;
    double *likelihoods; /* m */
} search;

static void fill_distances(void *context, int chunk, int worker)
{
    const search *s = context;
    size_t top = (size_t)chunk * POINTS_BLOCK;
    size_t count = s->m - top < POINTS_BLOCK ? s->m - top : POINTS_BLOCK;
    float *out = s->distances + top * s->m;
    (void)worker;
    gemm(&(gemm_call){.b_transposed = true,
                      .m = (int)count,
                      .n = (int)s->m,
                      .k = s->k,
                      .alpha = -2,
                      .a = s->points + top * (size_t)s->k,
                      .lda = s->k,
                      .b = s->points,
                      .ldb = s->k,
                      .c = out,
                      .ldc = (int)s->m});
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < s->m; j++) {
            float distance = out[i * s->m + j] + s->norms[top + i] + s->norms[j];
            out[i * s->m + j] = distance > 0 ? distance : 0;
        }
}

static size_t fold_start(const search *s, int fold)
{
    return s->m * (size_t)fold / (size_t)s->folds;
}

static float min_of(const float *distances, size_t n, float nearest)
{
    for (size_t i = 0; i < n; i++)
        nearest = distances[i] < nearest ? distances[i] : nearest;
    return nearest;
}

static double sum_of(const float *distances, size_t n, float nearest, float factor)
{
    double sum = 0;
    for (size_t first = 0; first < n; first += POINTS_BLOCK) {
        size_t count = n - first < POINTS_BLOCK ? n - first : POINTS_BLOCK;
        float terms[POINTS_BLOCK];
        for (size_t i = 0; i < count; i++)
            terms[i] = exp_negative((nearest - distances[first + i]) * factor);
        for (size_t i = 0; i < count; i++)
            sum += (double)terms[i];
    }
    return sum;
}

/* Computes log p of each row of a fold under the rows of the others, without the constants that all bandwidths share.
 */
static void judge_fold(void *context, int chunk, int worker)
{
    const search *s = context;
    size_t from = fold_start(s, chunk), to = fold_start(s, chunk + 1);
    double factor = 1 / (2 * s->bandwidth * s->bandwidth);
    (void)worker;
    for (size_t i = from; i < to; i++) {
        const float *row = s->distances + i * s->m;
        float nearest = min_of(row + to, s->m - to, min_of(row, from, INFINITY));
        double sum = sum_of(row, from, nearest, (float)factor) + sum_of(row + to, s->m - to, nearest, (float)factor);
        s->likelihoods[i] = log(sum) - (double)nearest * factor - (double)s->k * log(s->bandwidth);
    }
}

static double choose(team *t, search *s)
{
    double best = -INFINITY, chosen = 1;
    team_run(t, (int)((s->m + POINTS_BLOCK - 1) / POINTS_BLOCK), fill_distances, s);
    for (int half = -9; half <= 10; half++) {
        double total = 0;
        s->bandwidth = exp2(half / 2.0);
        team_run(t, s->folds, judge_fold, s);
        for (size_t i = 0; i < s->m; i++)
            total += s->likelihoods[i];
        if (total > best) {
            best = total;
            chosen = s->bandwidth;
        }
    }
    return chosen;
}

bool density_search(team *t, const float *points, size_t n, int k, random_key key, double *bandwidth, error *e)
{
    assert(n >= 2);
    size_t m = n < DENSITY_SEARCH_ROWS ? n : DENSITY_SEARCH_ROWS;
    uint32_t *order = malloc(n * sizeof *order);
    float *drawn = malloc(m * (size_t)k * sizeof *drawn), *norms = malloc(m * sizeof *norms);
    search s = {.points = drawn, .norms = norms, .m = m, .k = k};
    s.folds = m < DENSITY_FOLDS ? (int)m : DENSITY_FOLDS;
    s.distances = malloc(m * m * sizeof *s.distances);
    s.likelihoods = malloc(m * sizeof *s.likelihoods);
    bool ok = order && drawn && norms && s.distances && s.likelihoods;
    if (ok) {
        random_permutation(key, 0, order, n);
        for (size_t i = 0; i < m; i++)
            memcpy(drawn + i * (size_t)k, points + order[i] * (size_t)k, (size_t)k * sizeof *drawn);
        density_norms(drawn, m, k, norms);
        *bandwidth = choose(t, &s);
    } else
        error_memory(e, "the search for a bandwidth");
    free(s.likelihoods);
    free(s.distances);
    free(norms);
    free(drawn);
    free(order);
    return ok;
}

size_t density_search_bytes(size_t n, size_t k)
{
    size_t m = n < DENSITY_SEARCH_ROWS ? n : DENSITY_SEARCH_ROWS;
    return n * sizeof(uint32_t) + m * (k + 1 + m) * sizeof(float) + m * sizeof(double);
}
