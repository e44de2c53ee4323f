/* SPDX-License-Identifier: MIT */
/*
 * principal.h — principal components of many rows, and rows gathered into tiles for scoring.
 *
 * A tile is TILE_ROWS rows side by side: value j of row q is at tile[j·TILE_ROWS + q], so that a matrix applied to a
 * tile is one product of fixed shape. A row's result then has the same bits whatever its neighbours, and the
 * last tile of a batch is padded with zeros. Knows nothing of images, models or scores.
 */
#ifndef ANOMALYD_METHODS_PRINCIPAL_H
#define ANOMALYD_METHODS_PRINCIPAL_H

#include "base/team.h"

#include <stddef.h>

/* PRINCIPAL_WIDTH_MAX bounds the covariance, d×d doubles, to 512 MB. */
enum { TILE_ROWS = 16, PRINCIPAL_WIDTH_MAX = 8192 };

/* n rows of d floats; `load` writes one of them, and may be called from every worker of a team at once. */
typedef struct rows {
    void (*load)(const void *context, size_t row, float *out);
    const void *context;
    size_t n;
    int d;
} rows;

/* How many components to keep: `components` when positive (at most d), else the fewest whose share of the variance
 * is at least `share`. */
typedef struct principal_rule {
    int components;
    double share;
} principal_rule;

/* Owns its arrays. */
typedef struct principal {
    int d, k;
    float *mean;  /* d */
    float *basis; /* k×d: unit vectors by falling variance */
} principal;

/* False with ERROR_UNSUPPORTED for rows of more than PRINCIPAL_WIDTH_MAX floats. */
bool principal_check(size_t d, error *e);
/* Fits the components of the centred rows, without whitening; principal_free releases *out. The covariance is summed in
 * double over blocks of float products. False and *e set on failure. */
bool principal_fit(team *t, const rows *r, principal_rule rule, principal *out, error *e);
/* Finds only the mean, of rows of any width: k is 0 and basis is NULL. */
bool principal_fit_mean(team *t, const rows *r, principal *out, error *e);
void principal_free(principal *p);
/* Returns the bytes that principal_fit needs for n rows of d floats with so many workers: work space and k components.
 */
size_t principal_bytes(size_t n, size_t d, size_t k, int threads);

/* Copies rows first … first+TILE_ROWS-1, as far as they exist, into a tile and subtracts `mean`. row: work space of d
 * floats. */
void tile_load(const rows *r, const float *mean, size_t first, float *row, float *tile);
/* out (m×TILE_ROWS) = a (m×d)·tile. */
void tile_apply(const float *a, int m, int d, const float *tile, float *out);
/* out (d×TILE_ROWS) = aᵀ·z, where a is k×d and z is k×TILE_ROWS. */
void tile_apply_transposed(const float *a, int k, int d, const float *z, float *out);

#endif
