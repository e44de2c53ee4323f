/* SPDX-License-Identifier: MIT */
/* conv_winograd.c — cuts a convolution into tiles, phases and products; winograd.c has the transforms. */
#include "compute/conv_winograd.h"

#include "compute/conv_internal.h"
#include "compute/winograd.h"

#include <assert.h>
#include <stdint.h>

enum {
    STRIDE_MAX = 2,
    CHANNELS_MIN = 16, /* with fewer, the transforms cost as much as the products save */
    TILES_MIN = 64,    /* fewer rows make a product inefficient */
    WAVE_TILES = 256,  /* tiles transformed at a time: enough rows for a product, and they fit into the caches */
    WAVE_IMAGES = 4,   /* images of a wave at least, since chunks are images: several threads then have work */
    TAPS_CUTS = 4      /* chunks into which the channels of a phase are cut */
};

/* The products must need less than this share of the lowered convolution's multiply-accumulates: with more, the
 * transforms cost as much as the products save. */
static const double WORTH = 0.6;

/* ---- tiles */

/* How a form covers a geometry. */
typedef struct tiling {
    const conv_geometry *g;
    const winograd_form *form;
    int phases, products;
    int across, tiles; /* tiles in a line, and of an image */
    size_t c, oc, x_image, y_image;
} tiling;

static int cut(int size, int into)
{
    return (size + into - 1) / into;
}

static tiling tiling_by(const conv_geometry *g, const winograd_form *form)
{
    const int across = cut(g->ow, form->outputs);
    return (tiling){.g = g,
                    .form = form,
                    .phases = g->stride * g->stride,
                    .products = form->points * form->points,
                    .across = across,
                    .tiles = across * cut(g->oh, form->outputs),
                    .c = (size_t)g->c,
                    .oc = (size_t)g->oc,
                    .x_image = (size_t)g->h * (size_t)g->w * (size_t)g->c,
                    .y_image = (size_t)g->oh * (size_t)g->ow * (size_t)g->oc};
}

static double macs_of(const tiling *t)
{
    return (double)t->g->n * t->tiles * t->products * t->phases * t->g->c * t->g->oc;
}

/* Returns the tiling by the form that needs the fewest products; `form` is NULL where lowering is no worse. */
static tiling tiling_of(const conv_geometry *g)
{
    tiling best = {.g = g};
    if (g->fixed_tiles || g->stride > STRIDE_MAX || g->c < CHANNELS_MIN || g->oc < CHANNELS_MIN)
        return best;
    double cost_max = WORTH * conv_positions(g) * conv_depth(g) * g->oc;
    for (int i = 0; i < WINOGRAD_FORMS; i++) {
        const tiling t = tiling_by(g, &winograd_forms[i]);
        if (t.form->taps != cut(g->kernel, g->stride) || g->n * t.tiles < TILES_MIN || macs_of(&t) >= cost_max)
            continue;
        best = t;
        cost_max = macs_of(&t);
    }
    return best;
}

bool conv_winograd_fits(const conv_geometry *g)
{
    return tiling_of(g).form != NULL;
}

static tiling tiling_that_fits(const conv_geometry *g)
{
    const tiling t = tiling_of(g);
    assert(t.form && t.tiles > 0);
    return t;
}

/* Returns the extents of each product of a pass over so many images. */
static conv_product product_of(const tiling *t, int images, enum conv_pass pass)
{
    const int rows = images * t->tiles, depth = t->phases * t->g->c, oc = t->g->oc;
    switch (pass) {
    case CONV_FORWARD:
        return (conv_product){.m = rows, .n = oc, .k = depth};
    case CONV_INPUT_GRADIENT:
        return (conv_product){.m = rows, .n = depth, .k = oc};
    case CONV_WEIGHT_GRADIENT:
        break;
    }
    return (conv_product){.a_transposed = true, .m = depth, .n = oc, .k = rows};
}

#define OUTSIDE SIZE_MAX

/* Finds the pixels of a phase that a tile sees: their offsets in an image of x, or OUTSIDE. */
static void tile_inputs(const tiling *t, int tile, int phase, size_t at[WINOGRAD_PRODUCTS_MAX])
{
    const conv_geometry *g = t->g;
    const int side = t->form->points, pace = g->stride * t->form->outputs;
    const int top = pace * (tile / t->across) - g->pad_begin + phase / g->stride;
    const int left = pace * (tile % t->across) - g->pad_begin + phase % g->stride;
    for (int i = 0; i < side * side; i++) {
        const int y = top + g->stride * (i / side), x = left + g->stride * (i % side);
        const bool inside = y >= 0 && y < g->h && x >= 0 && x < g->w;
        at[i] = inside ? (size_t)(y * g->w + x) * t->c : OUTSIDE;
    }
}

/* Finds the outputs of a tile: their offsets in an image of y, or OUTSIDE. */
static void tile_outputs(const tiling *t, int tile, size_t at[WINOGRAD_PRODUCTS_MAX])
{
    const conv_geometry *g = t->g;
    const int side = t->form->outputs, top = side * (tile / t->across), left = side * (tile % t->across);
    for (int i = 0; i < side * side; i++) {
        const int y = top + i / side, x = left + i % side;
        at[i] = y < g->oh && x < g->ow ? (size_t)(y * g->ow + x) * t->oc : OUTSIDE;
    }
}

/* Finds the taps of a phase: their offsets in the weights, or OUTSIDE. */
static void phase_taps(const tiling *t, int phase, size_t at[WINOGRAD_PRODUCTS_MAX])
{
    const conv_geometry *g = t->g;
    const int side = t->form->taps;
    for (int i = 0; i < side * side; i++) {
        const int y = phase / g->stride + g->stride * (i / side), x = phase % g->stride + g->stride * (i % side);
        at[i] = y < g->kernel && x < g->kernel ? (size_t)(y * g->kernel + x) * t->c * t->oc : OUTSIDE;
    }
}

static void read_at(const float *base, const size_t *at, int side, const float **from)
{
    for (int i = 0; i < side * side; i++)
        from[i] = at[i] == OUTSIDE ? NULL : base + at[i];
}

static void write_at(float *base, const size_t *at, int side, float **to)
{
    for (int i = 0; i < side * side; i++)
        to[i] = at[i] == OUTSIDE ? NULL : base + at[i];
}

/* ---- the operands of the products */

/* One matrix for each product, `step` floats apart. */
typedef struct matrix_stack {
    float *value;
    size_t step;
    int columns;
} matrix_stack;

typedef struct space {
    matrix_stack taps;    /* phases·c × oc, phase by phase */
    matrix_stack inputs;  /* tiles × phases·c */
    matrix_stack outputs; /* tiles × oc */
    size_t all;
} space;

static int wave_images(const tiling *t)
{
    const int fitting = WAVE_TILES / t->tiles, images = fitting < WAVE_IMAGES ? WAVE_IMAGES : fitting;
    return images < t->g->n ? images : t->g->n;
}

static space space_in(const tiling *t, float *work)
{
    const size_t depth = (size_t)t->phases * t->c, products = (size_t)t->products;
    const size_t tiles = (size_t)wave_images(t) * (size_t)t->tiles;
    space s = {.taps = {.step = team_lines(depth * t->oc), .columns = t->g->oc},
               .inputs = {.step = team_lines(tiles * depth), .columns = (int)depth},
               .outputs = {.step = team_lines(tiles * t->oc), .columns = t->g->oc}};
    const size_t after_taps = products * s.taps.step, after_inputs = after_taps + products * s.inputs.step;
    s.all = after_inputs + products * s.outputs.step;
    if (work) {
        s.taps.value = work;
        s.inputs.value = work + after_taps;
        s.outputs.value = work + after_inputs;
    }
    return s;
}

size_t conv_winograd_work(const conv_geometry *g)
{
    const tiling t = tiling_that_fits(g);
    return space_in(&t, NULL).all;
}

/* ---- the steps of a pass. The chunks of a step are images, products, or channels of phases. */

typedef struct winograd_pass {
    enum conv_pass pass;
    const tiling *tiling;
    space space;
    span wave;               /* the images that are in the space now */
    const float *x, *w, *dy; /* the operands; the one that this pass computes is NULL */
    float *out;              /* y, dx or dw */
    const float *bias;
    bool add;
} winograd_pass;

static int wave_count(const winograd_pass *p)
{
    return p->wave.to - p->wave.from;
}

static int wave_chunks(const winograd_pass *p)
{
    return wave_count(p) < CONV_CHUNKS_MAX ? wave_count(p) : CONV_CHUNKS_MAX;
}

static span wave_span(const winograd_pass *p, int chunk)
{
    const span cut_span = span_of(wave_count(p), 1, chunk, wave_chunks(p));
    return (span){p->wave.from + cut_span.from, p->wave.from + cut_span.to};
}

/* Transforms one tile to or from its row of a matrix. */
typedef void tile_step(const winograd_pass *p, int image, int tile, float *row);

/* Calls `step` for each tile of a chunk of the wave; rows have `length` floats. */
static void each_tile(const winograd_pass *p, int chunk, const matrix_stack *m, size_t length, tile_step *step)
{
    const int tiles = p->tiling->tiles;
    const span images = wave_span(p, chunk);
    float *row = m->value + (size_t)(images.from - p->wave.from) * (size_t)tiles * length;
    for (int image = images.from; image < images.to; image++)
        for (int tile = 0; tile < tiles; tile++, row += length)
            step(p, image, tile, row);
}

static void each_input(const winograd_pass *p, int chunk, tile_step *step)
{
    each_tile(p, chunk, &p->space.inputs, (size_t)p->tiling->phases * p->tiling->c, step);
}

static void each_output(const winograd_pass *p, int chunk, tile_step *step)
{
    each_tile(p, chunk, &p->space.outputs, p->tiling->oc, step);
}

static void expand_input(const winograd_pass *p, int image, int tile, float *row)
{
    const tiling *t = p->tiling;
    size_t at[WINOGRAD_PRODUCTS_MAX];
    const float *from[WINOGRAD_PRODUCTS_MAX];
    for (int phase = 0; phase < t->phases; phase++, row += t->c) {
        tile_inputs(t, tile, phase, at);
        read_at(p->x + (size_t)image * t->x_image, at, t->form->points, from);
        t->form->expand_inputs(from, t->c, row, p->space.inputs.step);
    }
}

/* Tiles of inputs overlap: those of an image are added to dx one after the other. */
static void gather_input(const winograd_pass *p, int image, int tile, float *row)
{
    const tiling *t = p->tiling;
    const row_bias bias = {.value = p->bias, .period = t->g->c};
    float *dx = p->out + (size_t)image * t->x_image;
    size_t at[WINOGRAD_PRODUCTS_MAX];
    float *to[WINOGRAD_PRODUCTS_MAX];
    if (tile == 0)
        row_bias_apply(bias, p->add, 0, (int)t->x_image, dx);
    for (int phase = 0; phase < t->phases; phase++, row += t->c) {
        tile_inputs(t, tile, phase, at);
        write_at(dx, at, t->form->points, to);
        t->form->gather_inputs(row, p->space.inputs.step, NULL, true, t->c, to);
    }
}

static void expand_output(const winograd_pass *p, int image, int tile, float *row)
{
    const tiling *t = p->tiling;
    size_t at[WINOGRAD_PRODUCTS_MAX];
    const float *from[WINOGRAD_PRODUCTS_MAX];
    tile_outputs(t, tile, at);
    read_at(p->dy + (size_t)image * t->y_image, at, t->form->outputs, from);
    t->form->expand_outputs(from, t->oc, row, p->space.outputs.step);
}

static void gather_output(const winograd_pass *p, int image, int tile, float *row)
{
    const tiling *t = p->tiling;
    size_t at[WINOGRAD_PRODUCTS_MAX];
    float *to[WINOGRAD_PRODUCTS_MAX];
    tile_outputs(t, tile, at);
    write_at(p->out + (size_t)image * t->y_image, at, t->form->outputs, to);
    t->form->gather_outputs(row, p->space.outputs.step, p->bias, false, t->oc, to);
}

static void expand_inputs(void *context, int chunk, int worker)
{
    (void)worker;
    each_input(context, chunk, expand_input);
}

static void gather_inputs(void *context, int chunk, int worker)
{
    (void)worker;
    each_input(context, chunk, gather_input);
}

static void expand_outputs(void *context, int chunk, int worker)
{
    (void)worker;
    each_output(context, chunk, expand_output);
}

static void gather_outputs(void *context, int chunk, int worker)
{
    (void)worker;
    each_output(context, chunk, gather_output);
}

/* Some channels of a phase: `count` weights, which begin at `skip` in each tap and at `row` in a product's matrix. */
typedef struct taps_chunk {
    int phase;
    size_t skip, row, count;
} taps_chunk;

static taps_chunk taps_chunk_of(const tiling *t, int chunk)
{
    const int phase = chunk / TAPS_CUTS;
    const span channels = span_of(t->g->c, 1, chunk % TAPS_CUTS, TAPS_CUTS);
    const size_t skip = (size_t)channels.from * t->oc;
    return (taps_chunk){.phase = phase,
                        .skip = skip,
                        .row = (size_t)phase * t->c * t->oc + skip,
                        .count = (size_t)(channels.to - channels.from) * t->oc};
}

static void expand_taps(void *context, int chunk, int worker)
{
    (void)worker;
    const winograd_pass *p = context;
    const tiling *t = p->tiling;
    const taps_chunk taps = taps_chunk_of(t, chunk);
    size_t at[WINOGRAD_PRODUCTS_MAX];
    const float *from[WINOGRAD_PRODUCTS_MAX];
    phase_taps(t, taps.phase, at);
    read_at(p->w + taps.skip, at, t->form->taps, from);
    t->form->expand_taps(from, taps.count, p->space.taps.value + taps.row, p->space.taps.step);
}

static void gather_taps(void *context, int chunk, int worker)
{
    (void)worker;
    const winograd_pass *p = context;
    const tiling *t = p->tiling;
    const taps_chunk taps = taps_chunk_of(t, chunk);
    size_t at[WINOGRAD_PRODUCTS_MAX];
    float *to[WINOGRAD_PRODUCTS_MAX];
    phase_taps(t, taps.phase, at);
    write_at(p->out + taps.skip, at, t->form->taps, to);
    t->form->gather_taps(p->space.taps.value + taps.row, p->space.taps.step, NULL, p->add, taps.count, to);
}

static float *product_at(const matrix_stack *m, int index)
{
    return m->value + (size_t)index * m->step;
}

/* Computes one product: two of inputs, taps and outputs are its operands, the third is its result. */
static void multiply(void *context, int chunk, int worker)
{
    (void)worker;
    const winograd_pass *p = context;
    const space *s = &p->space;
    const bool to_inputs = p->pass == CONV_INPUT_GRADIENT, to_taps = p->pass == CONV_WEIGHT_GRADIENT;
    const matrix_stack *a = to_inputs ? &s->outputs : &s->inputs, *b = to_taps ? &s->outputs : &s->taps;
    const matrix_stack *c = to_inputs ? &s->inputs : to_taps ? &s->taps : &s->outputs;
    const conv_product size = product_of(p->tiling, wave_count(p), p->pass);
    gemm(&(gemm_call){.a_transposed = size.a_transposed,
                      .b_transposed = to_inputs,
                      .m = size.m,
                      .n = size.n,
                      .k = size.k,
                      .alpha = 1,
                      .beta = to_taps && p->wave.from > 0 ? 1 : 0,
                      .a = product_at(a, chunk),
                      .lda = a->columns,
                      .b = product_at(b, chunk),
                      .ldb = b->columns,
                      .c = product_at(c, chunk),
                      .ldc = c->columns});
}

/* ---- the passes */

static int taps_chunks(const tiling *t)
{
    return TAPS_CUTS * t->phases;
}

/* Moves to the next images, at first to the first ones; false when there are no more. */
static bool next_wave(winograd_pass *p)
{
    const int images = wave_images(p->tiling), n = p->tiling->g->n;
    p->wave.from = p->wave.to;
    p->wave.to = p->wave.from + images < n ? p->wave.from + images : n;
    return p->wave.from < n;
}

void conv_winograd_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                           float *work)
{
    const tiling tiles = tiling_that_fits(g);
    winograd_pass p = {.pass = CONV_FORWARD,
                       .tiling = &tiles,
                       .space = space_in(&tiles, work),
                       .x = x,
                       .w = w,
                       .bias = bias,
                       .out = y};
    team_run(t, taps_chunks(&tiles), expand_taps, &p);
    while (next_wave(&p)) {
        team_run(t, wave_chunks(&p), expand_inputs, &p);
        team_run(t, tiles.products, multiply, &p);
        team_run(t, wave_chunks(&p), gather_outputs, &p);
    }
}

void conv_winograd_input(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work)
{
    const tiling tiles = tiling_that_fits(g);
    winograd_pass p = {.pass = CONV_INPUT_GRADIENT,
                       .tiling = &tiles,
                       .space = space_in(&tiles, work),
                       .dy = dy,
                       .w = w,
                       .bias = bias,
                       .add = add,
                       .out = dx};
    team_run(t, taps_chunks(&tiles), expand_taps, &p);
    while (next_wave(&p)) {
        team_run(t, wave_chunks(&p), expand_outputs, &p);
        team_run(t, tiles.products, multiply, &p);
        team_run(t, wave_chunks(&p), gather_inputs, &p);
    }
}

void conv_winograd_weight(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add,
                          float *work)
{
    const tiling tiles = tiling_that_fits(g);
    winograd_pass p = {.pass = CONV_WEIGHT_GRADIENT,
                       .tiling = &tiles,
                       .space = space_in(&tiles, work),
                       .x = x,
                       .dy = dy,
                       .add = add,
                       .out = dw};
    while (next_wave(&p)) {
        team_run(t, wave_chunks(&p), expand_inputs, &p);
        team_run(t, wave_chunks(&p), expand_outputs, &p);
        team_run(t, tiles.products, multiply, &p);
    }
    team_run(t, taps_chunks(&tiles), gather_taps, &p);
}

/* ---- reports */

double conv_winograd_macs(const conv_geometry *g)
{
    const tiling t = tiling_that_fits(g);
    return macs_of(&t);
}

conv_product conv_winograd_product(const conv_geometry *g, enum conv_pass pass)
{
    const tiling t = tiling_that_fits(g);
    return product_of(&t, g->n, pass);
}
