/* SPDX-License-Identifier: MIT */
/* column_sums.h — sums down the columns of a matrix, for the gradients of biases and for batch norms. The sums are
 * accumulated in double. */
#ifndef ANOMALYD_COMPUTE_COLUMN_SUMS_H
#define ANOMALYD_COMPUTE_COLUMN_SUMS_H

#include "base/team.h"

/* sum_a[j] = Σ_i a[i·columns + j], sum_ab[j] = Σ_i a[i·columns + j]·b[i·columns + j] (b and sum_ab may be NULL). The
 * order of the sums depends on `rows` alone. All pointers are borrowed for the call. */
typedef struct column_sums_call {
    size_t rows, columns;
    const float *a, *b;
    double *sum_a, *sum_ab;
} column_sums_call;
/* Computes the sums of c. work: column_sums_work() floats, 64-byte aligned. Call it on the thread that owns the team;
 * it does not allocate. */
void column_sums(team *t, const column_sums_call *c, float *work);
/* Returns the floats of work space that column_sums needs. */
size_t column_sums_work(size_t rows, size_t columns);

#endif
