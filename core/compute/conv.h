/* SPDX-License-Identifier: MIT */
/*
 * conv.h — the convolution kernels: plain pointers and sizes, no graph. Layout NHWC, float32.
 *
 * One geometry serves both directions: a convolution maps x (h×w×c) to y (oh×ow×oc); a transposed
 * convolution is the same geometry with the roles of x and y swapped, so its forward pass is
 * conv_input_gradient, its input gradient is conv_forward and its weight gradient is
 * conv_weight_gradient(x = its output's gradient, dy = its input). A dense layer is the geometry
 * h = w = kernel = 1. Weights are [kernel][kernel][c][oc].
 *
 * The number of chunks given to the team depends on the geometry alone, partial sums are added in a
 * fixed order, and no call allocates: results are bit-identical at any thread count. All pointers are borrowed for the
 * call; call a pass on the thread that owns the team.
 */
#ifndef ANOMALYD_COMPUTE_CONV_H
#define ANOMALYD_COMPUTE_CONV_H

#include "base/team.h"

typedef struct conv_geometry {
    int n;                  /* images */
    int h, w, c;            /* input rows, columns, channels */
    int oh, ow, oc;         /* output rows, columns, channels */
    int kernel, stride;     /* square */
    int pad_begin, pad_end; /* on both axes; may differ (TensorFlow's SAME) */
    bool fixed_tiles;       /* set for scoring: GEMMs then have the same shape at every place of a batch and at every
                               batch size, so that an image's bits do not depend on its neighbours */
} conv_geometry;

/* Returns the output's extent: (h + pad_begin + pad_end - kernel)/stride + 1, rounded down. */
static inline int conv_extent(int h, int kernel, int stride, int pad_begin, int pad_end)
{
    return (h + pad_begin + pad_end - kernel) / stride + 1;
}

enum conv_pass { CONV_FORWARD, CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT };

/* Return the floats that a pass needs of shared work space (`work`, 64-byte aligned) and of each worker's
 * team_scratch. */
size_t conv_work(const conv_geometry *g, enum conv_pass pass);
size_t conv_scratch(const conv_geometry *g, enum conv_pass pass);

/* Computes y = x ∗ w, plus bias[oc] where it is not NULL. x: n×h×w×c, w: kernel×kernel×c×oc, y: n×oh×ow×oc. */
void conv_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                  float *work);
/* Computes dx, the adjoint of conv_forward applied to dy, plus bias[c] where it is not NULL (a transposed convolution
 * has one). With `add` the result is added to what dx holds. dy: n×oh×ow×oc, dx: n×h×w×c. */
void conv_input_gradient(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work);
/* Computes dw = d⟨y, dy⟩/dw. With `add` the result is added to what dw holds. */
void conv_weight_gradient(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add,
                          float *work);

/* Returns how many multiply-accumulates one pass makes, of 2 FLOP each, for reports of GFLOP/s. */
double conv_macs(const conv_geometry *g);

/* The matrix product, m×k times k×n, to which a pass over the whole batch is lowered. Where there are several of the
 * same extents (the phases of an input gradient, Winograd's products) it is one of them. Their time is a lower bound
 * of the pass's. */
typedef struct conv_product {
    bool a_transposed;
    int m, n, k;
} conv_product;
conv_product conv_product_of(const conv_geometry *g, enum conv_pass pass);

#endif
