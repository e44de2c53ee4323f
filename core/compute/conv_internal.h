/* SPDX-License-Identifier: MIT */
/* conv_internal.h — helpers that the three passes of conv.h share. Private to this folder's conv*.c. */
#ifndef ANOMALYD_COMPUTE_CONV_INTERNAL_H
#define ANOMALYD_COMPUTE_CONV_INTERNAL_H

#include "compute/conv.h"
#include "compute/product.h"

enum { CONV_CHUNKS_MAX = 8 };

/* Returns the window that the forward pass slides over x. */
static inline stencil conv_window(const conv_geometry *g)
{
    return (stencil){.h = g->h,
                     .w = g->w,
                     .c = g->c,
                     .rows = g->oh,
                     .columns = g->ow,
                     .kh = g->kernel,
                     .kw = g->kernel,
                     .stride = g->stride,
                     .top = -g->pad_begin,
                     .left = -g->pad_begin};
}

/* True where the lowered matrix is x itself: a kernel of one pixel with stride 1, or one as large as x. A dense layer
 * is such a case. */
static inline bool conv_is_plain(const conv_geometry *g)
{
    const stencil window = conv_window(g);
    return stencil_is_plain(&window);
}

/* Returns the rows of the weight matrix: kernel·kernel·c. */
static inline int conv_depth(const conv_geometry *g)
{
    return g->kernel * g->kernel * g->c;
}

static inline int conv_positions(const conv_geometry *g)
{
    return g->n * g->oh * g->ow;
}

/* Floats of work and of scratch of each pass; conv_work and conv_scratch in conv.c choose among them. */
size_t conv_forward_work(const conv_geometry *g);
size_t conv_forward_scratch(const conv_geometry *g);
size_t conv_input_work(const conv_geometry *g);
size_t conv_input_scratch(const conv_geometry *g);
size_t conv_weight_work(const conv_geometry *g);
size_t conv_weight_scratch(const conv_geometry *g);

/* The input gradient where c is small (conv_columns.c). conv_columns_run is for geometries that conv_columns_fit
 * accepts; the others are its floats of work and scratch. */
bool conv_columns_fit(const conv_geometry *g);
size_t conv_columns_work(const conv_geometry *g);
size_t conv_columns_scratch(const conv_geometry *g);

typedef struct input_gradient {
    const conv_geometry *g;
    const float *dy, *weights;
    row_bias bias;
    bool add;
    float *dx;
} input_gradient;
void conv_columns_run(team *t, const input_gradient *gradient, float *work);

#endif
