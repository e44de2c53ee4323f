/* SPDX-License-Identifier: MIT */
/* conv.c — the forward pass, and the work space and cost of all passes. */
#include "compute/conv.h"

#include "compute/conv_internal.h"
#include "compute/conv_winograd.h"

#include <assert.h>

typedef struct forward_job {
    team *team;
    product product;
    int chunks;
} forward_job;

static product forward_product(const conv_geometry *g)
{
    size_t row = (size_t)g->ow * (size_t)g->oc;
    return (product){.n = g->n,
                     .fixed_tiles = g->fixed_tiles,
                     .window = conv_window(g),
                     .outputs = g->oc,
                     .image_step = (size_t)g->oh * row,
                     .row_step = row,
                     .column_step = (size_t)g->oc};
}

/* Where x need not be lowered, the whole pass is one matrix product. */
static bool is_one_product(const conv_geometry *g)
{
    return conv_is_plain(g) && !g->fixed_tiles;
}

size_t conv_forward_work(const conv_geometry *g)
{
    return is_one_product(g) ? gemm_team_work(conv_positions(g), g->oc, conv_depth(g)) : 0;
}

size_t conv_forward_scratch(const conv_geometry *g)
{
    product p = forward_product(g);
    return is_one_product(g) ? 0 : product_scratch(&p);
}

static void forward_chunk(void *context, int chunk, int worker)
{
    const forward_job *job = context;
    product_run(&job->product, chunk, job->chunks, team_scratch(job->team, worker));
}

void conv_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                  float *work)
{
    const row_bias b = {.value = bias, .period = g->oc};
    if (conv_winograd_fits(g)) {
        conv_winograd_forward(t, g, x, w, bias, y, work);
        return;
    }
    if (is_one_product(g)) {
        const int depth = conv_depth(g);
        gemm_team(t,
                  &(gemm_call){.m = conv_positions(g),
                               .n = g->oc,
                               .k = depth,
                               .alpha = 1,
                               .a = x,
                               .lda = depth,
                               .b = w,
                               .ldb = g->oc,
                               .c = y,
                               .ldc = g->oc},
                  b, work);
        return;
    }
    forward_job job = {.team = t, .product = forward_product(g)};
    job.product.source = x;
    job.product.weights.value = w;
    job.product.bias = b;
    job.product.target = y;
    job.chunks = product_chunks(&job.product, CONV_CHUNKS_MAX);
    team_run(t, job.chunks, forward_chunk, &job);
}

size_t conv_work(const conv_geometry *g, enum conv_pass pass)
{
    if (conv_winograd_fits(g))
        return conv_winograd_work(g);
    switch (pass) {
    case CONV_FORWARD:
        return conv_forward_work(g);
    case CONV_INPUT_GRADIENT:
        return conv_input_work(g);
    case CONV_WEIGHT_GRADIENT:
        return conv_weight_work(g);
    }
    assert(!"a pass of conv.h");
    return 0;
}

size_t conv_scratch(const conv_geometry *g, enum conv_pass pass)
{
    if (conv_winograd_fits(g))
        return 0;
    switch (pass) {
    case CONV_FORWARD:
        return conv_forward_scratch(g);
    case CONV_INPUT_GRADIENT:
        return conv_input_scratch(g);
    case CONV_WEIGHT_GRADIENT:
        return conv_weight_scratch(g);
    }
    assert(!"a pass of conv.h");
    return 0;
}

double conv_macs(const conv_geometry *g)
{
    if (conv_winograd_fits(g))
        return conv_winograd_macs(g);
    return (double)conv_positions(g) * conv_depth(g) * g->oc;
}

static conv_product input_product(const conv_geometry *g)
{
    if ((g->oh == 1 && g->ow == 1) || conv_columns_fit(g))
        return (conv_product){.m = conv_positions(g), .n = conv_depth(g), .k = g->oc};
    const int taps = (g->kernel + g->stride - 1) / g->stride;
    return (conv_product){.m = g->n * ((g->h + g->stride - 1) / g->stride) * ((g->w + g->stride - 1) / g->stride),
                          .n = g->c,
                          .k = g->oc * taps * taps};
}

conv_product conv_product_of(const conv_geometry *g, enum conv_pass pass)
{
    if (conv_winograd_fits(g))
        return conv_winograd_product(g, pass);
    switch (pass) {
    case CONV_FORWARD:
        return (conv_product){.m = conv_positions(g), .n = g->oc, .k = conv_depth(g)};
    case CONV_INPUT_GRADIENT:
        return input_product(g);
    case CONV_WEIGHT_GRADIENT:
        return (conv_product){.a_transposed = true, .m = conv_depth(g), .n = g->oc, .k = conv_positions(g)};
    }
    assert(!"a pass of conv.h");
    return (conv_product){0};
}
