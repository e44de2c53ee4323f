/* SPDX-License-Identifier: MIT */
/* conv_internal.h — what the three passes of conv.h share. Private to this folder's conv*.c. */
#ifndef ANOMALYD_COMPUTE_CONV_INTERNAL_H
#define ANOMALYD_COMPUTE_CONV_INTERNAL_H

#include "compute/conv.h"
#include "compute/product.h"

enum { CONV_PARTS_MAX = 8 };

/* The window of the forward pass over x. */
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

/* Whether each x is seen by one window at most and whole: a dense layer, a point, a window as large as x. */
static inline bool conv_is_plain(const conv_geometry *g)
{
    const stencil window = conv_window(g);
    return stencil_is_plain(&window);
}

/* Rows of the weight matrix: kernel·kernel·c. */
static inline int conv_depth(const conv_geometry *g)
{
    return g->kernel * g->kernel * g->c;
}

static inline int conv_positions(const conv_geometry *g)
{
    return g->n * g->oh * g->ow;
}

/* Sizes of each pass; conv.c gathers them behind conv_work and conv_scratch. */
size_t conv_forward_work(const conv_geometry *g);
size_t conv_forward_scratch(const conv_geometry *g);
size_t conv_input_work(const conv_geometry *g);
size_t conv_input_scratch(const conv_geometry *g);
size_t conv_weight_work(const conv_geometry *g);
size_t conv_weight_scratch(const conv_geometry *g);

/* The input gradient where c is small: columns of all taps by one product, then gathered. */
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
