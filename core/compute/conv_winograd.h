/* SPDX-License-Identifier: MIT */
/*
 * conv_winograd.h — the three passes of a convolution by Winograd's products. Private to this folder.
 *
 * With stride 2, rows of x that are even, and those that are odd, meet every other tap of the kernel: such a
 * convolution is the sum of four with stride 1, one for each phase of x, whose kernels have half the side. All phases
 * share one form, F(m×m, r×r): m by m outputs, a tile, are (m + r − 1)² products of phases·c by oc.
 *
 * A pass spreads two of the three (tiles of x, taps of w, tiles of y) over the products, multiplies, and gathers the
 * third: y from x and w, dx from dy and w, dw from x and dy.
 */
#ifndef ANOMALYD_COMPUTE_CONV_WINOGRAD_H
#define ANOMALYD_COMPUTE_CONV_WINOGRAD_H

#include "compute/conv.h"

/* True where it can be done and is worth it. Not with fixed tiles. */
bool conv_winograd_fits(const conv_geometry *g);

/* Floats of `work`, for any pass. */
size_t conv_winograd_work(const conv_geometry *g);

double conv_winograd_macs(const conv_geometry *g);
conv_product conv_winograd_product(const conv_geometry *g, enum conv_pass pass);

void conv_winograd_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                           float *work);
void conv_winograd_input(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work);
void conv_winograd_weight(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add,
                          float *work);

#endif
