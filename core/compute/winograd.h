/* SPDX-License-Identifier: MIT */
/*
 * winograd.h — the transforms of F(m×m, r×r): m by m outputs of an r×r kernel by (m + r − 1)² products in place of
 * m²·r² (Winograd, 1980; Lavin & Gray, CVPR 2016).
 *
 *   y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
 *
 * The three matrices of a form expand inputs d, taps g and, in the backward passes, outputs' gradients into factors of
 * the products. Their transposes gather results: that of A the outputs, those of the other two the gradients.
 *
 * Each transform works on `n` independent channels, or weights, side by side. Pixels and taps are given as pointers,
 * row by row; a NULL pointer is a pixel outside the image or a tap outside the kernel, which is read as zero and not
 * written. Products lie `step` floats apart, row by row. Knows no geometry. Private to this folder.
 */
#ifndef ANOMALYD_COMPUTE_WINOGRAD_H
#define ANOMALYD_COMPUTE_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_POINTS_MAX = 6, WINOGRAD_PRODUCTS_MAX = WINOGRAD_POINTS_MAX * WINOGRAD_POINTS_MAX };

/* products = M from Mᵀ */
typedef void winograd_expand(const float *const *from, size_t n, float *products, size_t step);
/* to = Mᵀ products M (+ bias[n], when not NULL) (+ what `to` holds, with `add`) */
typedef void winograd_gather(const float *products, size_t step, const float *bias, bool add, size_t n,
                             float *const *to);

typedef struct winograd_form {
    int outputs, taps, points; /* m, r and m + r − 1: of one side */
    winograd_expand *expand_inputs, *expand_outputs, *expand_taps;
    winograd_gather *gather_inputs, *gather_outputs, *gather_taps;
} winograd_form;

/* By (outputs, taps): (2, 2), (4, 2) and (4, 3). */
enum { WINOGRAD_FORMS = 3 };
extern const winograd_form winograd_forms[WINOGRAD_FORMS];

#endif
