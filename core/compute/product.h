/* SPDX-License-Identifier: MIT */
/*
 * product.h — the lowered matrix of a batch times a matrix of weights, computed piece by piece: the common
 * work of forward passes and of the phases of input gradients. It is cut into parts by its extents alone;
 * a part touches only its own positions of the target.
 */
#ifndef ANOMALYD_COMPUTE_PRODUCT_H
#define ANOMALYD_COMPUTE_PRODUCT_H

#include "compute/spread.h"
#include "compute/stencil.h"

/* One matrix for all taps of the window (depth × outputs; transposed: outputs × depth), or, by taps, a matrix
 * for each (window.c × outputs; transposed: outputs × window.c): that of tap (i, j) at
 * value + i·row_step + j·column_step. */
typedef struct product_weights {
    const float *value;
    bool is_transposed, is_by_taps;
    ptrdiff_t row_step, column_step;
} product_weights;

typedef struct product {
    int n; /* images */
    bool fixed_tiles;
    stencil window;
    const float *source; /* n images of window.h × window.w × window.c */
    int outputs;         /* columns of the result */
    product_weights weights;
    row_bias bias;
    bool add;
    /* Where the `outputs` floats of a position go: image·image_step + row·row_step + column·column_step. */
    float *target;
    size_t image_step, row_step, column_step;
} product;

/* Number of parts: at most `parts_max`, but with fixed_tiles as many as there are groups of images. */
int product_parts(const product *p, int parts_max);

/* Floats of scratch that a part needs. */
size_t product_scratch(const product *p);

void product_run(const product *p, int part, int parts, float *scratch);

#endif
