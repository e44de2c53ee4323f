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
    const float *points; /* n×k, centred: distances come from products, which cancel where the data are far from 0 */
    const float *norms;  /* n: ‖point‖² */
    size_t n;
    int k;
    double bandwidth;
} density;

/* norms[i] = ‖point i‖². */
void density_norms(const float *points, size_t n, int k, float *norms);

/* Floats of work space of density_tile. */
size_t density_work(void);

/* out[q] = -log((1/n)·Σ exp(-‖z_q - point_i‖²/(2h²))) for the columns of z (k×TILE_ROWS): the negative
 * log-density without its constant k·log(h·√(2π)). Kept in double: where h is much larger than the spread of the
 * data all terms are nearly 1, and what tells rows apart is far below a float's precision of the sum. */
void density_tile(const density *d, const float *z, float *work, double out[TILE_ROWS]);

enum { DENSITY_SEARCH_ROWS = 3000, DENSITY_FOLDS = 5 };

/* The bandwidth among 2^-4.5, 2^-4, … 2^5 of the highest total held-out log-likelihood in 5-fold cross-validation over
 * at most DENSITY_SEARCH_ROWS points drawn by the key. Needs n >= 2. */
bool density_search(team *t, const float *points, size_t n, int k, random_key key, double *bandwidth, error *e);
/* Bytes it takes meanwhile. */
size_t density_search_bytes(size_t n, size_t k);

#endif
