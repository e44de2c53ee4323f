/* SPDX-License-Identifier: MIT */
/* columns.h — sums down the columns of a matrix: what biases and batch norms need. Accumulated in double. */
#ifndef ANOMALYD_COMPUTE_COLUMNS_H
#define ANOMALYD_COMPUTE_COLUMNS_H

#include "base/team.h"

/* sum_a[j] = Σ_i a[i·columns + j], sum_ab[j] = Σ_i a[i·columns + j]·b[i·columns + j] (b and sum_ab may be NULL). Summed
 * in an order that rows alone decide. work: columns_work() floats, 64-byte aligned. */
typedef struct columns_call {
    size_t rows, columns;
    const float *a, *b;
    double *sum_a, *sum_ab;
} columns_call;
void columns_sum(team *t, const columns_call *c, float *work);
size_t columns_work(size_t rows, size_t columns);

#endif
