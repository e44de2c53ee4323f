/* SPDX-License-Identifier: MIT */
/*
 * winograd.h — the transforms of F(2×2, 2×2): two by two outputs of a 2×2 kernel by 9 products in place of 16
 * (Winograd, 1980; Lavin & Gray, CVPR 2016). All coefficients are 0 and ±1, so nothing is lost but order of sums.
 *
 *   y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A     Bᵀ = ⎡1 -1  0⎤   G = ⎡1 0⎤   Aᵀ = ⎡1 1  0⎤
 *                                        ⎢0  1  0⎥       ⎢1 1⎥        ⎣0 1 -1⎦
 *                                        ⎣0  1 -1⎦       ⎣0 1⎦
 *
 * Each works on `n` independent channels, or weights, side by side. What belongs together lies `step` floats apart in
 * `nine`, row by row. Knows no geometry. Private to this folder.
 */
#ifndef ANOMALYD_COMPUTE_WINOGRAD_H
#define ANOMALYD_COMPUTE_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_INPUTS = 9, WINOGRAD_PRODUCTS = 9, WINOGRAD_OUTPUTS = 4, WINOGRAD_TAPS = 4 };

/* Bᵀ d B, and its adjoint, which is added to the d's. */
void winograd_input(const float *const d[WINOGRAD_INPUTS], size_t n, float *nine, size_t step);
void winograd_input_adjoint(const float *nine, size_t step, size_t n, float *const d[WINOGRAD_INPUTS]);

/* Aᵀ m A (+ bias, when not NULL), and its adjoint. */
void winograd_output(const float *nine, size_t step, const float *bias, size_t n, float *const y[WINOGRAD_OUTPUTS]);
void winograd_output_adjoint(const float *const y[WINOGRAD_OUTPUTS], size_t n, float *nine, size_t step);

/* G g Gᵀ, and its adjoint: set, or with `add` added. */
void winograd_taps(const float *const g[WINOGRAD_TAPS], size_t n, float *nine, size_t step);
void winograd_taps_adjoint(const float *nine, size_t step, size_t n, bool add, float *const g[WINOGRAD_TAPS]);

#endif
