/* SPDX-License-Identifier: MIT */
/*
 * conv_winograd.h — the three passes of a 4×4 convolution of stride 2 by F(2×2, 2×2). Private to this folder.
 *
 * Rows of x that are even, and those that are odd, meet every other tap of the kernel: such a convolution is the sum of
 * four of 2×2 kernels, one for each phase of x, and these share the transform of their sum. Two by two outputs, a tile,
 * take 9 products of 4·c by oc in place of the 16 of c by oc for each output.
 */
#ifndef ANOMALYD_COMPUTE_CONV_WINOGRAD_H
#define ANOMALYD_COMPUTE_CONV_WINOGRAD_H

#include "compute/conv.h"

/* True where it can be done and is worth it. Not with fixed tiles. */
bool conv_winograd_fits(const conv_geometry *g);

size_t conv_winograd_work(const conv_geometry *g, enum conv_pass pass);
size_t conv_winograd_scratch(const conv_geometry *g, enum conv_pass pass);

double conv_winograd_macs(const conv_geometry *g);
conv_product conv_winograd_product(const conv_geometry *g, enum conv_pass pass);

void conv_winograd_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                           float *work);
void conv_winograd_input(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work);
void conv_winograd_weight(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add);

#endif
