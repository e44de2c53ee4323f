/* SPDX-License-Identifier: MIT */
/*
 * spread.h — one matrix product on a whole team, cut by its extents alone; and how rows take their bias.
 */
#ifndef ANOMALYD_COMPUTE_SPREAD_H
#define ANOMALYD_COMPUTE_SPREAD_H

#include "base/blas.h"

/* What is added to every row of a result: value[column mod period]. No value: nothing. */
typedef struct row_bias {
    const float *value;
    int period;
} row_bias;

/* Sets (or, with `add`, adds) the bias to floats from … from+n-1 of a row. */
void row_bias_apply(row_bias b, bool add, int from, int n, float *row);

/* Floats of shared work space that spread_gemm needs for these extents. */
size_t spread_work(int m, int n, int k);

/* Runs g with the bias added, in a number of chunks that depends on m, n and k only. beta is 0 or 1. */
void spread_gemm(team *t, const gemm_call *g, row_bias bias, float *work);

/* The part-th of `parts` nearly equal pieces of 0 … n-1, cut at multiples of `unit`. */
typedef struct span {
    int from, to;
} span;
span span_part(int n, int unit, int part, int parts);

#endif
