/* SPDX-License-Identifier: MIT */
/*
 * blas.h — OpenBLAS, checked before it is trusted.
 *
 * OpenBLAS runs single-threaded inside our own threads. Its choice of kernel is compared with what CPUID offers,
 * because a library older than the CPU may fall back to kernels of half the speed without a word.
 * <cblas.h> stays out of this header: it drags in <complex.h>.
 */
#ifndef ANOMALYD_BASE_BLAS_H
#define ANOMALYD_BASE_BLAS_H

#include "base/error.h"
#include "base/team.h"

/* Sets OpenBLAS to one thread. Call it first in main, before any thread starts. Where OpenBLAS chose a lower core type
 * than the CPU has and the user did not set OPENBLAS_CORETYPE, it sets that and executes the program anew, once, with
 * the same argv. It checks a few products against a plain loop, and returns to OpenBLAS's own choice where they are
 * wrong. False and *e set when products are wrong even so, or memory is short. */
bool blas_start(char **argv, error *e);

/* Return the kernel in use, for instance "SkylakeX", and the library's version, for instance "OpenBLAS 0.3.21". Static;
 * any thread. */
const char *blas_kernel(void);
const char *blas_version(void);
#define BLAS_KERNEL_KEY "blas_core" /* the name of the kernel in the JSON of runs and measurements */

/* Makes OpenBLAS allocate a buffer for every worker of the team now, since version 0.3.21 never returns from a first
 * call whose mmap fails. All threads of the team must take part: team_limit must not have lowered their number. */
void blas_warm(team *t);

/* Row-major C = alpha·op(A)·op(B) + beta·C, where op(A) is m×k and op(B) is k×n. Leading dimensions are in floats. All
 * pointers are borrowed for the call; any thread. */
typedef struct gemm_call {
    bool a_transposed, b_transposed;
    int m, n, k;
    float alpha, beta;
    const float *a;
    int lda;
    const float *b;
    int ldb;
    float *c;
    int ldc;
} gemm_call;
void gemm(const gemm_call *g);

/* Sets out[j][i] = in[i][j] for i < rows and j < columns. Rows of `in` are ld_in floats apart, rows of `out` ld_out. */
void blas_transpose(int rows, int columns, const float *in, int ld_in, float *out, int ld_out);

/* Finds the eigenvectors of the symmetric n×n matrix `a` (row-major) by LAPACK's dsyevd. Fills values[n], ascending,
 * and overwrites row i of `a` with the unit eigenvector of values[i]. False and *e set where it does not converge or
 * memory is short. */
bool blas_eigen(double *a, int n, double *values, error *e);
/* Returns the bytes of work space that blas_eigen allocates during the call. */
size_t blas_eigen_bytes(int n);

#endif
