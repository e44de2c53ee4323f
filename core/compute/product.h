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

typedef struct product {
    int n; /* images */
    bool fixed_tiles;
    stencil window;
    const float *source;  /* n images of window.h × window.w × window.c */
    int outputs;          /* columns of the result */
    const float *weights; /* depth × outputs; or, transposed, outputs × depth */
    bool is_transposed;
    row_bias bias;
    bool add;
    /* Where the `outputs` floats of a position go: image·image_step + row·row_step + column·column_step. */
    float *target;
    size_t image_step, row_step, column_step;
} product;

/* Number of parts, with fixed_tiles at most a part for every image; otherwise at most `parts_max`. */
int product_parts(const product *p, int parts_max);

/* Floats of scratch that a part needs. */
size_t product_scratch(const product *p);

void product_run(const product *p, int part, int parts, float *scratch);

#endif
