/* SPDX-License-Identifier: MIT */
/*
 * conv_input.c — the input gradient, which is also the forward pass of transposed convolutions.
 *
 * Rows of dx whose index is equal modulo the stride meet the same rows of the kernel. So dx falls into stride²
 * phases, and each is a convolution of dy with stride 1 and every stride-th tap of the kernel, reversed. No two
 * workers write the same element, and the order of every sum is that of one matrix product.
 */
#include "compute/conv.h"

#include "compute/conv_internal.h"
#include "compute/conv_winograd.h"

#include <assert.h>

enum { PACK_UNIT = 16 }; /* channels that one worker transposes together: a cache line */

/* One axis of a phase. Its rows (or columns) of dx are offset, offset + stride, …, `count` of them. They meet `taps`
 * taps of the kernel: tap, tap + stride, …. The window over dy begins at `begin` for the first row. */
typedef struct phase_axis {
    int offset, count, tap, taps, begin;
} phase_axis;

static int taps_of(const conv_geometry *g, int tap)
{
    return tap < g->kernel ? (g->kernel - tap + g->stride - 1) / g->stride : 0;
}

static phase_axis axis_of(const conv_geometry *g, int extent, int tap)
{
    int offset = ((tap - g->pad_begin) % g->stride + g->stride) % g->stride;
    int taps = taps_of(g, tap);
    return (phase_axis){.offset = offset,
                        .count = offset < extent ? (extent - offset + g->stride - 1) / g->stride : 0,
                        .tap = tap,
                        .taps = taps,
                        .begin = (offset + g->pad_begin - tap) / g->stride - (taps - 1)};
}

/* Returns how many taps of an axis the phases before `tap` have. */
static int taps_before(const conv_geometry *g, int tap)
{
    int sum = 0;
    for (int i = 0; i < tap; i++)
        sum += taps_of(g, i);
    return sum;
}

typedef struct phase {
    phase_axis y, x;
    size_t weights_at; /* offset of its weights in the work space: (taps·taps·oc) × c */
} phase;

static phase phase_of(const conv_geometry *g, int index)
{
    int row = index / g->stride, column = index % g->stride;
    phase p = {.y = axis_of(g, g->h, row), .x = axis_of(g, g->w, column)};
    /* The phases of one row have p.y.taps·kernel taps together. */
    size_t taps_done = (size_t)taps_before(g, row) * (size_t)g->kernel + (size_t)(p.y.taps * taps_before(g, column));
    p.weights_at = taps_done * (size_t)g->c * (size_t)g->oc;
    return p;
}

/* With fixed tiles the taps are read where they lie in the kernel: repacking would cost as much as scoring an image. */
static product_weights phase_weights(const input_gradient *job, const phase *p, const float *repacked)
{
    const conv_geometry *g = job->g;
    if (!g->fixed_tiles)
        return (product_weights){.value = repacked + p->weights_at};
    const ptrdiff_t tap = (ptrdiff_t)g->c * g->oc, row = tap * g->kernel;
    const int y = p->y.tap + (p->y.taps - 1) * g->stride, x = p->x.tap + (p->x.taps - 1) * g->stride;
    return (product_weights){.value = job->weights + y * row + x * tap,
                             .is_transposed = true,
                             .is_by_taps = true,
                             .row_step = -g->stride * row,
                             .column_step = -g->stride * tap};
}

/* Returns the product of a phase without its operands. */
static product phase_product(const conv_geometry *g, const phase *p)
{
    const size_t pixel = (size_t)g->c, row = (size_t)g->w * pixel, stride = (size_t)g->stride;
    return (product){.n = g->n,
                     .fixed_tiles = g->fixed_tiles,
                     .window = {.h = g->oh,
                                .w = g->ow,
                                .c = g->oc,
                                .rows = p->y.count,
                                .columns = p->x.count,
                                .kh = p->y.taps,
                                .kw = p->x.taps,
                                .stride = 1,
                                .top = p->y.begin,
                                .left = p->x.begin},
                     .outputs = g->c,
                     .weights = {.is_transposed = g->fixed_tiles, .is_by_taps = g->fixed_tiles},
                     .image_step = (size_t)g->h * row,
                     .row_step = stride * row,
                     .column_step = stride * pixel};
}

static void set_operands(product *out, const input_gradient *job, const phase *p, const float *repacked)
{
    const size_t pixel = (size_t)job->g->c, row = (size_t)job->g->w * pixel;
    out->source = job->dy;
    out->weights = phase_weights(job, p, repacked);
    out->bias = job->bias;
    out->add = job->add;
    out->target = job->dx + (size_t)p->y.offset * row + (size_t)p->x.offset * pixel;
}

/* Where the lowered matrix is x itself, dx is dy times the transposed weights. */
static product plain_product(const input_gradient *job)
{
    const conv_geometry *g = job->g;
    const int depth = conv_depth(g);
    const size_t row = (size_t)g->ow * (size_t)depth;
    return (product){
        .n = g->n,
        .fixed_tiles = g->fixed_tiles,
        .window = {.h = g->oh, .w = g->ow, .c = g->oc, .rows = g->oh, .columns = g->ow, .kh = 1, .kw = 1, .stride = 1},
        .source = job->dy,
        .outputs = depth,
        .weights = {.value = job->weights, .is_transposed = true},
        .bias = job->bias,
        .add = job->add,
        .target = job->dx,
        .image_step = (size_t)g->oh * row,
        .row_step = row,
        .column_step = (size_t)depth};
}

size_t conv_input_work(const conv_geometry *g)
{
    if (conv_is_plain(g))
        return g->fixed_tiles ? 0 : gemm_team_work(conv_positions(g), conv_depth(g), g->oc);
    if (conv_columns_fit(g))
        return conv_columns_work(g);
    return g->fixed_tiles ? 0 : (size_t)conv_depth(g) * (size_t)g->oc;
}

size_t conv_input_scratch(const conv_geometry *g)
{
    const input_gradient job = {.g = g};
    if (conv_is_plain(g)) {
        product p = plain_product(&job);
        return g->fixed_tiles ? product_scratch(&p) : 0;
    }
    if (conv_columns_fit(g))
        return conv_columns_scratch(g);
    size_t floats_max = 0;
    for (int i = 0; i < g->stride * g->stride; i++) {
        phase at = phase_of(g, i);
        product p = phase_product(g, &at);
        size_t floats = product_chunks(&p, 1) > 0 ? product_scratch(&p) : 0;
        floats_max = floats > floats_max ? floats : floats_max;
    }
    return floats_max;
}

typedef struct repack_job {
    const conv_geometry *g;
    const float *weights;
    float *work;
} repack_job;

/* Copies the taps of every phase, reversed and transposed, into the work space: (taps·taps·oc) × c. A chunk does some
 * of the channels. */
static void repack(void *context, int chunk, int worker)
{
    (void)worker;
    const repack_job *job = context;
    const conv_geometry *g = job->g;
    const span channels = span_of(g->c, PACK_UNIT, chunk, CONV_CHUNKS_MAX);
    if (channels.from == channels.to)
        return;
    for (int index = 0; index < g->stride * g->stride; index++) {
        const phase p = phase_of(g, index);
        float *out = job->work + p.weights_at + channels.from;
        for (int i = p.y.taps - 1; i >= 0; i--)
            for (int j = p.x.taps - 1; j >= 0; j--, out += (size_t)g->oc * (size_t)g->c) {
                int tap = (p.y.tap + i * g->stride) * g->kernel + p.x.tap + j * g->stride;
                blas_transpose(channels.to - channels.from, g->oc,
                               job->weights + (size_t)(tap * g->c + channels.from) * (size_t)g->oc, g->oc, out, g->c);
            }
    }
}

typedef struct phases_job {
    team *team;
    input_gradient gradient;
    const float *work; /* the phases' weights, repacked */
    int chunks_max;    /* of one phase */
} phases_job;

static void run_phase_chunk(void *context, int chunk, int worker)
{
    const phases_job *job = context;
    const conv_geometry *g = job->gradient.g;
    for (int index = 0; index < g->stride * g->stride; index++) {
        const phase at = phase_of(g, index);
        product p = phase_product(g, &at);
        int chunks = product_chunks(&p, job->chunks_max);
        if (chunk < chunks) {
            set_operands(&p, &job->gradient, &at, job->work);
            product_run(&p, chunk, chunks, team_scratch(job->team, worker));
            return;
        }
        chunk -= chunks;
    }
    assert(!"a chunk of some phase");
}

static void run_phases(team *t, const input_gradient *gradient, float *work)
{
    const conv_geometry *g = gradient->g;
    const int phases = g->stride * g->stride;
    repack_job packing = {.g = g, .weights = gradient->weights, .work = work};
    if (!g->fixed_tiles)
        team_run(t, CONV_CHUNKS_MAX, repack, &packing);
    phases_job job = {.team = t, .gradient = *gradient, .work = work, .chunks_max = CONV_CHUNKS_MAX / phases};
    job.chunks_max = job.chunks_max < 1 ? 1 : job.chunks_max;
    int chunks = 0;
    for (int index = 0; index < phases; index++) {
        const phase at = phase_of(g, index);
        const product p = phase_product(g, &at);
        chunks += product_chunks(&p, job.chunks_max);
    }
    team_run(t, chunks, run_phase_chunk, &job);
}

typedef struct plain_job {
    team *team;
    product product;
    int chunks;
} plain_job;

static void run_plain_chunk(void *context, int chunk, int worker)
{
    const plain_job *job = context;
    product_run(&job->product, chunk, job->chunks, team_scratch(job->team, worker));
}

static void run_plain(team *t, const input_gradient *job, float *work)
{
    const conv_geometry *g = job->g;
    const int depth = conv_depth(g);
    if (g->fixed_tiles) {
        plain_job plain = {.team = t, .product = plain_product(job)};
        plain.chunks = product_chunks(&plain.product, CONV_CHUNKS_MAX);
        team_run(t, plain.chunks, run_plain_chunk, &plain);
        return;
    }
    gemm_team(t,
              &(gemm_call){.b_transposed = true,
                           .m = conv_positions(g),
                           .n = depth,
                           .k = g->oc,
                           .alpha = 1,
                           .beta = job->add ? 1 : 0,
                           .a = job->dy,
                           .lda = g->oc,
                           .b = job->weights,
                           .ldb = g->oc,
                           .c = job->dx,
                           .ldc = depth},
              job->bias, work);
}

void conv_input_gradient(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work)
{
    const input_gradient job = {
        .g = g, .dy = dy, .weights = w, .bias = {.value = bias, .period = g->c}, .add = add, .dx = dx};
    if (conv_winograd_fits(g))
        conv_winograd_input(t, g, dy, w, bias, dx, add, work);
    else if (conv_is_plain(g))
        run_plain(t, &job, work);
    else if (conv_columns_fit(g))
        conv_columns_run(t, &job, work);
    else
        run_phases(t, &job, work);
}
