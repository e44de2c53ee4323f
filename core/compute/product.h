/* SPDX-License-Identifier: MIT */
/*
 * product.h — the lowered matrix of a batch times a matrix of weights, computed piece by piece. Forward passes and the
 * phases of input gradients are such products. A product is cut into chunks by its extents alone; a chunk writes only
 * its own positions of the target.
 */
#ifndef ANOMALYD_COMPUTE_PRODUCT_H
#define ANOMALYD_COMPUTE_PRODUCT_H

#include "compute/gemm_team.h"
#include "compute/stencil.h"

/* Either one matrix for all taps of the window (depth × outputs; transposed: outputs × depth), or, by taps, one matrix
 * for each tap (window.c × outputs; transposed: outputs × window.c), of which that of tap (i, j) begins at
 * value + i·row_step + j·column_step. Borrowed. */
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
    /* The `outputs` floats of a position go to target + image·image_step + row·row_step + column·column_step. */
    float *target;
    size_t image_step, row_step, column_step;
} product;

/* Returns the number of chunks: at most `chunks_max`, but with fixed_tiles at least one for each group of units. */
int product_chunks(const product *p, int chunks_max);

/* Returns the floats of scratch that a chunk needs. */
size_t product_scratch(const product *p);

/* Computes one chunk, 0 … chunks-1, of the product. scratch: product_scratch() floats of the calling worker. */
void product_run(const product *p, int chunk, int chunks, float *scratch);

#endif
