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

/* To be called first thing in main, before any thread starts. Sets OpenBLAS to one thread. Where
 * OpenBLAS chose a lesser core type than the CPU has and the user did not set OPENBLAS_CORETYPE, sets it
 * and re-executes the program once (argv as given). Checks a few products against a plain loop, and goes
 * back to OpenBLAS's own choice where they are wrong. */
bool blas_start(char **argv, error *e);

/* The kernel in use, e.g. "SkylakeX"; and the library's version, e.g. "OpenBLAS 0.3.21". */
const char *blas_kernel(void);
const char *blas_version(void);
#define BLAS_KERNEL_KEY "blas_core" /* the name of the kernel in the JSON of runs and measurements */

/* Makes OpenBLAS allocate its buffers for every worker of the team, all at the same moment, because
 * version 0.3.21 never returns from a first call whose mmap fails later. All of the team's threads must take part: no
 * team_limit before it or during it. */
void blas_warm(team *t);

/* Row-major C = alpha·op(A)·op(B) + beta·C; op(A) is m×k, op(B) is k×n. Leading dimensions in floats. */
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

/* out[j][i] = in[i][j] for i < rows, j < columns; rows of in are ld_in floats apart, rows of out ld_out. */
void blas_transpose(int rows, int columns, const float *in, int ld_in, float *out, int ld_out);

/* Eigenvectors of the symmetric n×n matrix `a` (row-major, destroyed) by LAPACK: values ascending in
 * values[n]; on return row i of `a` is the unit eigenvector of values[i]. */
bool blas_eigen(double *a, int n, double *values, error *e);
/* Bytes of work space it takes meanwhile. */
size_t blas_eigen_bytes(int n);

#endif
