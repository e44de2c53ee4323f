/* SPDX-License-Identifier: MIT */
/*
 * gemm_team.h — runs one matrix product on a whole team, and adds a bias to rows. The product is cut into chunks by its
 * extents alone, so its bits do not depend on the number of threads.
 */
#ifndef ANOMALYD_COMPUTE_GEMM_TEAM_H
#define ANOMALYD_COMPUTE_GEMM_TEAM_H

#include "base/blas.h"

/* A bias that is added to every row of a result: value[column mod period]. Nothing is added where value is NULL. */
typedef struct row_bias {
    const float *value;
    int period;
} row_bias;

/* Sets floats from … from+n-1 of a row to the bias (to 0 where there is none), or with `add` adds it to them. `row`
 * points to the first of these floats. */
void row_bias_apply(row_bias b, bool add, int from, int n, float *row);

/* Returns the floats of shared work space that gemm_team needs for a product of m×k by k×n. */
size_t gemm_team_work(int m, int n, int k);

/* Computes g (whose beta must be 0 or 1) and adds the bias to each row of c. The number of chunks depends on m, n and
 * k only. work: gemm_team_work() floats. Call it on the thread that owns the team; it does not allocate. */
void gemm_team(team *t, const gemm_call *g, row_bias bias, float *work);

/* The integers from … to-1. */
typedef struct span {
    int from, to;
} span;
/* Cuts 0 … n-1 at multiples of `unit` into `chunks` spans of nearly equal length, and returns that of `chunk`. */
span span_of(int n, int unit, int chunk, int chunks);

#endif
