/* SPDX-License-Identifier: MIT */
/*
 * density.h — the Gaussian kernel density of tiles of rows, and the bandwidth under which held-out rows are likeliest.
 * Plain pointers and sizes; knows nothing of images or models. See principal.h for tiles.
 */
#ifndef ANOMALYD_METHODS_DENSITY_H
#define ANOMALYD_METHODS_DENSITY_H

#include "base/random.h"
#include "base/team.h"
#include "methods/principal.h"

typedef struct density {
    const float *points; /* n×k, centred, since distances computed by products lose digits where data are far from 0 */
    const float *norms;  /* n: ‖point‖² */
    size_t n;
    int k;
    double bandwidth;
} density;

/* Sets norms[i] = ‖point i‖². */
void density_norms(const float *points, size_t n, int k, float *norms);

/* Returns the floats of work space that density_tile needs. */
size_t density_work(void);

/* Sets out[q] = -log((1/n)·Σ exp(-‖z_q - point_i‖²/(2h²))) for the columns of z (k×TILE_ROWS): the negative
 * log-density without its constant k·log(h·√(2π)). The result is in double: where h is much larger than the spread of
 * the data all terms are nearly 1, and rows differ by far less than a float's precision. */
void density_tile(const density *d, const float *z, float *work, double out[TILE_ROWS]);

enum { DENSITY_SEARCH_ROWS = 3000, DENSITY_FOLDS = 5 };

/* Finds, among 2^-4.5, 2^-4, … 2^5, the bandwidth with the highest total held-out log-likelihood in 5-fold
 * cross-validation over at most DENSITY_SEARCH_ROWS points that the key draws. Needs n >= 2. */
bool density_search(team *t, const float *points, size_t n, int k, random_key key, double *bandwidth, error *e);
/* Returns the bytes that density_search allocates during the call. */
size_t density_search_bytes(size_t n, size_t k);

#endif
