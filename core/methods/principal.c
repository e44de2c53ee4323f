/* SPDX-License-Identifier: MIT */
/* principal.c — covariance by blocks, eigenvectors by LAPACK, tiles by GEMM. */
#include "methods/principal.h"

#include "base/blas.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_ROWS = 512, /* rows of one float product, after which sums go on in double */
    STRIP = 128       /* rows of the covariance one chunk owns */
};

typedef struct covariance {
    const rows *rows;
    team *team;
    float *block; /* BLOCK_ROWS×d */
    size_t first; /* row at which the block begins */
    int count;    /* rows in it */
    const float *mean;
    double *sums; /* d×d, of which only the upper triangle's strips are filled */
} covariance;

static void load_row(void *context, int chunk, int worker)
{
    const covariance *c = context;
    int d = c->rows->d;
    float *row = c->block + (size_t)chunk * (size_t)d;
    (void)worker;
    c->rows->load(c->rows->context, c->first + (size_t)chunk, row);
    if (c->mean)
        for (int j = 0; j < d; j++)
            row[j] -= c->mean[j];
}

static void load_block(covariance *c, size_t first)
{
    size_t left = c->rows->n - first;
    c->first = first;
    c->count = left < BLOCK_ROWS ? (int)left : BLOCK_ROWS;
    team_run(c->team, c->count, load_row, c);
}

/* Adds blockᵀ·block to one strip of the sums, from the diagonal to the right. */
static void add_strip(void *context, int chunk, int worker)
{
    const covariance *c = context;
    int d = c->rows->d, top = chunk * STRIP, height = d - top < STRIP ? d - top : STRIP, width = d - top;
    float *product = team_scratch(c->team, worker);
    gemm(&(gemm_call){.a_transposed = true,
                      .m = height,
                      .n = width,
                      .k = c->count,
                      .alpha = 1,
                      .a = c->block + top,
                      .lda = d,
                      .b = c->block + top,
                      .ldb = d,
                      .c = product,
                      .ldc = width});
    for (int i = 0; i < height; i++) {
        double *sums = c->sums + (size_t)(top + i) * (size_t)d + top;
        for (int j = 0; j < width; j++)
            sums[j] += (double)product[(size_t)i * (size_t)width + (size_t)j];
    }
}

static bool find_mean(covariance *c, float *mean, error *e)
{
    int d = c->rows->d;
    double *sums = calloc((size_t)d, sizeof *sums);
    if (!sums)
        return error_memory(e, "the mean of the training images");
    for (size_t first = 0; first < c->rows->n; first += BLOCK_ROWS) {
        load_block(c, first);
        for (int i = 0; i < c->count; i++)
            for (int j = 0; j < d; j++)
                sums[j] += (double)c->block[(size_t)i * (size_t)d + (size_t)j];
    }
    for (int j = 0; j < d; j++)
        mean[j] = (float)(sums[j] / (double)c->rows->n);
    free(sums);
    return true;
}

static int components_for(const double *ascending, int d, double share)
{
    double total = 0, kept = 0;
    for (int i = 0; i < d; i++)
        total += ascending[i] > 0 ? ascending[i] : 0;
    for (int k = 1; k < d; k++) {
        double value = ascending[d - k];
        kept += value > 0 ? value : 0;
        if (kept >= share * total)
            return k;
    }
    return d;
}

static bool keep_basis(double *sums, const principal_rule *rule, principal *out, error *e)
{
    int d = out->d;
    double *values = malloc((size_t)d * sizeof *values);
    if (!values)
        return error_memory(e, "eigenvalues");
    for (int i = 0; i < d; i++)
        for (int j = 0; j < i; j++)
            sums[(size_t)i * (size_t)d + (size_t)j] = sums[(size_t)j * (size_t)d + (size_t)i];
    bool ok = blas_eigen(sums, d, values, e);
    if (ok) {
        out->k = rule->components > 0 ? rule->components : components_for(values, d, rule->share);
        out->k = out->k < d ? out->k : d;
        out->basis = malloc((size_t)out->k * (size_t)d * sizeof *out->basis);
        ok = out->basis || error_memory(e, "principal components");
    }
    for (int k = 0; ok && k < out->k; k++)
        for (int j = 0; j < d; j++)
            out->basis[(size_t)k * (size_t)d + (size_t)j] = (float)sums[(size_t)(d - 1 - k) * (size_t)d + (size_t)j];
    free(values);
    return ok;
}

bool principal_check(size_t d, error *e)
{
    return d <= PRINCIPAL_WIDTH_MAX ||
           error_set(e, ERROR_UNSUPPORTED, "images of %zu values: principal components are limited to %d", d,
                     PRINCIPAL_WIDTH_MAX);
}

static bool find_basis(covariance *c, const principal_rule *rule, principal *out, error *e)
{
    size_t d = (size_t)c->rows->d;
    if (!principal_check(d, e) || !team_reserve(c->team, STRIP * d, e))
        return false;
    c->sums = calloc(d * d, sizeof *c->sums);
    if (!c->sums)
        return error_memory(e, "the covariance of the training images");
    c->mean = out->mean;
    for (size_t first = 0; first < c->rows->n; first += BLOCK_ROWS) {
        load_block(c, first);
        team_run(c->team, (c->rows->d + STRIP - 1) / STRIP, add_strip, c);
    }
    bool ok = keep_basis(c->sums, rule, out, e);
    free(c->sums);
    return ok;
}

static bool fit(team *t, const rows *r, const principal_rule *rule, principal *out, error *e)
{
    assert(r->n > 0 && r->d > 0);
    *out = (principal){.d = r->d};
    covariance c = {.rows = r, .team = t, .block = malloc(BLOCK_ROWS * (size_t)r->d * sizeof(float))};
    out->mean = malloc((size_t)r->d * sizeof *out->mean);
    bool ok = c.block && out->mean ? find_mean(&c, out->mean, e) : error_memory(e, "a block of training images");
    ok = ok && (!rule || find_basis(&c, rule, out, e));
    free(c.block);
    if (!ok)
        principal_free(out);
    return ok;
}

bool principal_fit(team *t, const rows *r, principal_rule rule, principal *out, error *e)
{
    return fit(t, r, &rule, out, e);
}

bool principal_fit_mean(team *t, const rows *r, principal *out, error *e)
{
    return fit(t, r, NULL, out, e);
}

size_t principal_bytes(size_t n, size_t d, size_t k, int threads)
{
    size_t block = (n < BLOCK_ROWS ? n : BLOCK_ROWS) * d, strips = STRIP * d * (size_t)threads;
    return d * d * sizeof(double) + blas_eigen_bytes((int)d) + (block + strips + (k + 1) * d) * sizeof(float);
}

void principal_free(principal *p)
{
    free(p->mean);
    free(p->basis);
    *p = (principal){0};
}

void tile_load(const rows *r, const float *mean, size_t first, float *row, float *tile)
{
    size_t left = r->n - first;
    int count = left < TILE_ROWS ? (int)left : TILE_ROWS;
    if (count < TILE_ROWS)
        memset(tile, 0, (size_t)r->d * TILE_ROWS * sizeof *tile);
    for (int q = 0; q < count; q++) {
        r->load(r->context, first + (size_t)q, row);
        for (int j = 0; j < r->d; j++)
            tile[(size_t)j * TILE_ROWS + (size_t)q] = row[j] - mean[j];
    }
}

void tile_apply(const float *a, int m, int d, const float *tile, float *out)
{
    gemm(&(gemm_call){.m = m,
                      .n = TILE_ROWS,
                      .k = d,
                      .alpha = 1,
                      .a = a,
                      .lda = d,
                      .b = tile,
                      .ldb = TILE_ROWS,
                      .c = out,
                      .ldc = TILE_ROWS});
}

void tile_apply_transposed(const float *a, int k, int d, const float *z, float *out)
{
    gemm(&(gemm_call){.a_transposed = true,
                      .m = d,
                      .n = TILE_ROWS,
                      .k = k,
                      .alpha = 1,
                      .a = a,
                      .lda = d,
                      .b = z,
                      .ldb = TILE_ROWS,
                      .c = out,
                      .ldc = TILE_ROWS});
}
