/* SPDX-License-Identifier: MIT */
/*
 * conv_winograd.h — the three passes of a convolution by Winograd's products. Private to this folder.
 *
 * With stride 2, the even rows of x and the odd ones each meet every other tap of the kernel. Such a convolution is the
 * sum of four with stride 1, one for each phase of x, whose kernels have half the side. All phases share one form,
 * F(m×m, r×r): a tile of m by m outputs takes (m + r − 1)² products of phases·c by oc.
 *
 * A pass expands two of the three (tiles of x, taps of w, tiles of y) into operands of the products, multiplies, and
 * gathers the third from the results: y from x and w, dx from dy and w, dw from x and dy.
 */
#ifndef ANOMALYD_COMPUTE_CONV_WINOGRAD_H
#define ANOMALYD_COMPUTE_CONV_WINOGRAD_H

#include "compute/conv.h"

/* True where one of winograd.h's forms fits the geometry and saves time. Never with fixed tiles. */
bool conv_winograd_fits(const conv_geometry *g);

/* Returns the floats of `work`, the same for any pass. The calls below are for geometries that fit. */
size_t conv_winograd_work(const conv_geometry *g);

/* Multiply-accumulates of a pass, and the extents of each of its products over the whole batch. */
double conv_winograd_macs(const conv_geometry *g);
conv_product conv_winograd_product(const conv_geometry *g, enum conv_pass pass);

/* The passes of conv.h, with the same operands, shapes and promises. */
void conv_winograd_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                           float *work);
void conv_winograd_input(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work);
void conv_winograd_weight(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add,
                          float *work);

#endif
