/* SPDX-License-Identifier: MIT */
/* conv_winograd.c — see conv_winograd.h. Tiles, phases and products; the transforms are in winograd.c. */
#include "compute/conv_winograd.h"

#include "compute/conv_parts.h"
#include "compute/winograd.h"

#include <stdint.h>
#include <string.h>

enum {
    KERNEL = 4,
    STRIDE = 2,
    PHASES = STRIDE * STRIDE,
    CHANNELS_MIN = 32,      /* with fewer the transforms cost what the products save */
    TILES_MIN = 64,         /* of a batch, and wanted in a product */
    GROUP_FLOATS = 1 << 19, /* of what a group of images is transformed to, wanted: 2 MiB */
    LINE = 16               /* floats of a cache line */
};

bool conv_winograd_fits(const conv_geometry *g)
{
    return g->kernel == KERNEL && g->stride == STRIDE && g->pad_begin == 1 && !g->fixed_tiles && g->h == 2 * g->oh &&
           g->w == 2 * g->ow && g->oh % 2 == 0 && g->ow % 2 == 0 && g->c >= CHANNELS_MIN && g->oc >= CHANNELS_MIN &&
           g->n * g->oh * g->ow >= 4 * TILES_MIN;
}

static size_t tiles_of(const conv_geometry *g)
{
    return (size_t)(g->oh / 2) * (size_t)(g->ow / 2);
}

static size_t c_of(const conv_geometry *g)
{
    return (size_t)g->c;
}

static size_t oc_of(const conv_geometry *g)
{
    return (size_t)g->oc;
}

static size_t x_image(const conv_geometry *g)
{
    return (size_t)g->h * (size_t)g->w * c_of(g);
}

static size_t y_image(const conv_geometry *g)
{
    return (size_t)g->oh * (size_t)g->ow * oc_of(g);
}

static size_t lines(size_t floats)
{
    return (floats + LINE - 1) / LINE * LINE;
}

/* Images whose tiles are transformed and multiplied together: few enough to stay in the cache, but enough rows for a
 * product. `floats` are those of one tile. */
static int group_images(const conv_geometry *g, size_t floats)
{
    const size_t tiles = tiles_of(g), fitting = GROUP_FLOATS / floats;
    const size_t images = (fitting > 2 * TILES_MIN ? fitting : 2 * TILES_MIN) / tiles;
    return images < 1 ? 1 : images > (size_t)g->n ? g->n : (int)images;
}

/* ---- tiles */

#define OUTSIDE SIZE_MAX

/* The offsets in an image of x of the 3×3 pixels of a phase that a tile sees, or OUTSIDE of it. */
static void tile_inputs(const conv_geometry *g, int tile, int phase, size_t at[WINOGRAD_INPUTS])
{
    const int across = g->ow / 2, top = 4 * (tile / across) - 1 + phase / 2, left = 4 * (tile % across) - 1 + phase % 2;
    for (int i = 0; i < WINOGRAD_INPUTS; i++) {
        const int y = top + 2 * (i / 3), x = left + 2 * (i % 3);
        const bool inside = y >= 0 && y < g->h && x >= 0 && x < g->w;
        at[i] = inside ? ((size_t)y * (size_t)g->w + (size_t)x) * c_of(g) : OUTSIDE;
    }
}

/* The offsets of a tile's 2×2 outputs in an image of y. */
static void tile_outputs(const conv_geometry *g, int tile, size_t at[WINOGRAD_OUTPUTS])
{
    const int across = g->ow / 2, top = 2 * (tile / across), left = 2 * (tile % across);
    for (int i = 0; i < WINOGRAD_OUTPUTS; i++)
        at[i] = ((size_t)(top + i / 2) * (size_t)g->ow + (size_t)(left + i % 2)) * oc_of(g);
}

/* The taps of a phase: floats from the start of the weights. */
static void phase_taps(const conv_geometry *g, int phase, size_t at[WINOGRAD_TAPS])
{
    for (int i = 0; i < WINOGRAD_TAPS; i++)
        at[i] = (size_t)((phase / 2 + 2 * (i / 2)) * KERNEL + phase % 2 + 2 * (i % 2)) * c_of(g) * oc_of(g);
}

/* ---- weights: 9 matrices of 4·c rows, phase by phase, and oc columns */

typedef struct taps_job {
    const conv_geometry *g;
    const float *w;
    float *taps;
} taps_job;

enum { TAPS_CHUNKS = 2 * PHASES };

static void transform_taps(void *context, int chunk, int worker)
{
    (void)worker;
    const taps_job *job = context;
    const conv_geometry *g = job->g;
    const int phase = chunk / 2;
    const span part = span_part(g->c, 1, chunk % 2, 2);
    const size_t skip = (size_t)part.from * oc_of(g), n = (size_t)(part.to - part.from) * oc_of(g);
    size_t at[WINOGRAD_TAPS];
    phase_taps(g, phase, at);
    const float *const taps[] = {job->w + at[0] + skip, job->w + at[1] + skip, job->w + at[2] + skip,
                                 job->w + at[3] + skip};
    winograd_taps(taps, n, job->taps + (size_t)phase * c_of(g) * oc_of(g) + skip, PHASES * c_of(g) * oc_of(g));
}

/* ---- forward and input gradient: a part of the images, group by group */

typedef struct images_job {
    team *team;
    const conv_geometry *g;
    const float *in; /* x, or dy */
    const float *taps, *bias;
    bool add;
    float *out; /* y, or dx */
    int parts, group;
} images_job;

/* Of one tile: its inputs and its outputs, transformed. */
static size_t tile_floats(const conv_geometry *g)
{
    return WINOGRAD_PRODUCTS * (PHASES * c_of(g) + oc_of(g));
}

static int parts_of(const conv_geometry *g)
{
    const int parts = (int)((size_t)g->n * tiles_of(g) / TILES_MIN);
    return parts < CONV_PARTS_MAX ? parts : CONV_PARTS_MAX;
}

static int part_group(const conv_geometry *g)
{
    const int most = (g->n + parts_of(g) - 1) / parts_of(g), fitting = group_images(g, tile_floats(g));
    return fitting < most ? fitting : most;
}

/* A worker's scratch: a pixel outside of the map, the transformed inputs, the transformed outputs. */
typedef struct space {
    float *outside, *inputs, *outputs;
    size_t input_step, output_step; /* from product to product */
    size_t all;
} space;

static space space_sizes(const conv_geometry *g, int images)
{
    const size_t tiles = (size_t)images * tiles_of(g);
    space s = {.input_step = lines(tiles * PHASES * c_of(g)), .output_step = lines(tiles * oc_of(g))};
    s.all = lines(c_of(g)) + WINOGRAD_PRODUCTS * (s.input_step + s.output_step);
    return s;
}

static space space_of(const conv_geometry *g, int images, float *scratch)
{
    space s = space_sizes(g, images);
    s.outside = scratch;
    s.inputs = scratch + lines(c_of(g));
    s.outputs = s.inputs + WINOGRAD_PRODUCTS * s.input_step;
    return s;
}

/* `channels` of each pixel, from where x and `outside` point on, of one phase: c floats apart in a tile's row. */
static void transform_tile(const conv_geometry *g, int tile, int phase, const float *image, const float *outside,
                           size_t channels, float *nine, size_t step)
{
    size_t at[WINOGRAD_INPUTS];
    const float *d[WINOGRAD_INPUTS];
    tile_inputs(g, tile, phase, at);
    for (int i = 0; i < WINOGRAD_INPUTS; i++)
        d[i] = at[i] == OUTSIDE ? outside : image + at[i];
    winograd_input(d, channels, nine, step);
}

static void transform_inputs(const conv_geometry *g, const float *x, int images, const space *s)
{
    const int tiles = (int)tiles_of(g);
    for (int row = 0; row < images * tiles; row++)
        for (int phase = 0; phase < PHASES; phase++)
            transform_tile(g, row % tiles, phase, x + (size_t)(row / tiles) * x_image(g), s->outside, c_of(g),
                           s->inputs + ((size_t)row * PHASES + (size_t)phase) * c_of(g), s->input_step);
}

static void transform_outputs(const images_job *job, int first, int images, const space *s)
{
    const conv_geometry *g = job->g;
    const size_t tiles = tiles_of(g);
    for (size_t row = 0; row < (size_t)images * tiles; row++) {
        size_t at[WINOGRAD_OUTPUTS];
        tile_outputs(g, (int)(row % tiles), at);
        float *y = job->out + ((size_t)first + row / tiles) * y_image(g);
        float *const outputs[] = {y + at[0], y + at[1], y + at[2], y + at[3]};
        winograd_output(s->outputs + row * oc_of(g), s->output_step, job->bias, oc_of(g), outputs);
    }
}

static void adjoin_outputs(const conv_geometry *g, const float *dy, int images, float *nine, size_t step)
{
    const size_t tiles = tiles_of(g);
    for (size_t row = 0; row < (size_t)images * tiles; row++) {
        size_t at[WINOGRAD_OUTPUTS];
        tile_outputs(g, (int)(row % tiles), at);
        const float *y = dy + row / tiles * y_image(g);
        const float *const outputs[] = {y + at[0], y + at[1], y + at[2], y + at[3]};
        winograd_output_adjoint(outputs, oc_of(g), nine + row * oc_of(g), step);
    }
}

/* Tiles overlap by a pixel of each phase, so those of an image are added one after the other to what is there. */
static void adjoin_inputs(const images_job *job, int first, int images, const space *s)
{
    const conv_geometry *g = job->g;
    const int tiles = (int)tiles_of(g);
    const row_bias bias = {.value = job->bias, .period = g->c};
    for (int row = 0; row < images * tiles; row++) {
        float *dx = job->out + (size_t)(first + row / tiles) * x_image(g);
        if (row % tiles == 0)
            row_bias_apply(bias, job->add, 0, (int)x_image(g), dx);
        for (int phase = 0; phase < PHASES; phase++) {
            size_t at[WINOGRAD_INPUTS];
            float *d[WINOGRAD_INPUTS];
            tile_inputs(g, row % tiles, phase, at);
            for (int i = 0; i < WINOGRAD_INPUTS; i++)
                d[i] = at[i] == OUTSIDE ? s->outside : dx + at[i];
            winograd_input_adjoint(s->inputs + ((size_t)row * PHASES + (size_t)phase) * c_of(g), s->input_step, c_of(g),
                                   d);
        }
    }
}

static void forward_group(const images_job *job, int first, int images, const space *s)
{
    const conv_geometry *g = job->g;
    const int depth = PHASES * g->c;
    transform_inputs(g, job->in + (size_t)first * x_image(g), images, s);
    for (size_t k = 0; k < WINOGRAD_PRODUCTS; k++)
        gemm(&(gemm_call){.m = images * (int)tiles_of(g),
                          .n = g->oc,
                          .k = depth,
                          .alpha = 1,
                          .a = s->inputs + k * s->input_step,
                          .lda = depth,
                          .b = job->taps + k * (size_t)depth * oc_of(g),
                          .ldb = g->oc,
                          .c = s->outputs + k * s->output_step,
                          .ldc = g->oc});
    transform_outputs(job, first, images, s);
}

static void input_group(const images_job *job, int first, int images, const space *s)
{
    const conv_geometry *g = job->g;
    const int depth = PHASES * g->c;
    adjoin_outputs(g, job->in + (size_t)first * y_image(g), images, s->outputs, s->output_step);
    for (size_t k = 0; k < WINOGRAD_PRODUCTS; k++)
        gemm(&(gemm_call){.b_transposed = true,
                          .m = images * (int)tiles_of(g),
                          .n = depth,
                          .k = g->oc,
                          .alpha = 1,
                          .a = s->outputs + k * s->output_step,
                          .lda = g->oc,
                          .b = job->taps + k * (size_t)depth * oc_of(g),
                          .ldb = g->oc,
                          .c = s->inputs + k * s->input_step,
                          .ldc = depth});
    adjoin_inputs(job, first, images, s);
}

typedef void group_body(const images_job *job, int first, int images, const space *s);

static void run_part(const images_job *job, int chunk, float *scratch, group_body *body)
{
    const conv_geometry *g = job->g;
    const span images = span_part(g->n, 1, chunk, job->parts);
    for (int first = images.from; first < images.to; first += job->group) {
        const int count = first + job->group < images.to ? job->group : images.to - first;
        const space s = space_of(g, count, scratch);
        memset(s.outside, 0, c_of(g) * sizeof *s.outside);
        body(job, first, count, &s);
    }
}

static void run_forward(void *context, int chunk, int worker)
{
    const images_job *job = context;
    run_part(job, chunk, team_scratch(job->team, worker), forward_group);
}

static void run_input(void *context, int chunk, int worker)
{
    const images_job *job = context;
    run_part(job, chunk, team_scratch(job->team, worker), input_group);
}

static void run_images(images_job job, const float *w, float *work, team_body *body)
{
    const conv_geometry *g = job.g;
    taps_job taps = {g, w, work};
    team_run(job.team, TAPS_CHUNKS, transform_taps, &taps);
    job.taps = work;
    job.parts = parts_of(g);
    job.group = part_group(g);
    team_run(job.team, job.parts, body, &job);
}

void conv_winograd_forward(team *t, const conv_geometry *g, const float *x, const float *w, const float *bias, float *y,
                           float *work)
{
    run_images((images_job){.team = t, .g = g, .in = x, .bias = bias, .out = y}, w, work, run_forward);
}

void conv_winograd_input(team *t, const conv_geometry *g, const float *dy, const float *w, const float *bias, float *dx,
                         bool add, float *work)
{
    run_images((images_job){.team = t, .g = g, .in = dy, .bias = bias, .add = add, .out = dx}, w, work, run_input);
}

/* ---- weight gradient: a phase, and some of its channels, over all images */

enum { SLICE_FLOATS_MAX = 3 << 19 };

typedef struct weight_job {
    team *team;
    const conv_geometry *g;
    const float *x, *dy;
    bool add;
    float *dw;
    int cuts; /* of a phase's channels */
    int group;
} weight_job;

static int cuts_of(const conv_geometry *g)
{
    int cuts = 1;
    while (WINOGRAD_PRODUCTS * c_of(g) * oc_of(g) / (size_t)cuts > SLICE_FLOATS_MAX)
        cuts *= 2;
    return cuts;
}

static int weight_group(const conv_geometry *g)
{
    return group_images(g, WINOGRAD_PRODUCTS * (c_of(g) + oc_of(g)));
}

/* A worker's scratch: a pixel outside of the map, the inputs and the outputs' gradient of a group, the weights'. */
typedef struct weight_space {
    float *outside, *inputs, *outputs, *taps;
    size_t input_step, output_step, taps_step;
    size_t all;
} weight_space;

static weight_space weight_space_sizes(const conv_geometry *g, int channels)
{
    const size_t tiles = (size_t)weight_group(g) * tiles_of(g), c = (size_t)channels;
    weight_space s = {
        .input_step = lines(tiles * c), .output_step = lines(tiles * oc_of(g)), .taps_step = lines(c * oc_of(g))};
    s.all = lines(c) + WINOGRAD_PRODUCTS * (s.input_step + s.output_step + s.taps_step);
    return s;
}

static weight_space weight_space_of(const conv_geometry *g, int channels, float *scratch)
{
    weight_space s = weight_space_sizes(g, channels);
    s.outside = scratch;
    s.inputs = scratch + lines((size_t)channels);
    s.outputs = s.inputs + WINOGRAD_PRODUCTS * s.input_step;
    s.taps = s.outputs + WINOGRAD_PRODUCTS * s.output_step;
    return s;
}

static void sum_group(const weight_job *job, int phase, span channels, int first, int images, const weight_space *s)
{
    const conv_geometry *g = job->g;
    const size_t tiles = tiles_of(g), rows = (size_t)images * tiles, c = (size_t)(channels.to - channels.from);
    const float *x = job->x + (size_t)first * x_image(g) + channels.from;
    for (size_t row = 0; row < rows; row++)
        transform_tile(g, (int)(row % tiles), phase, x + row / tiles * x_image(g), s->outside, c, s->inputs + row * c,
                       s->input_step);
    adjoin_outputs(g, job->dy + (size_t)first * y_image(g), images, s->outputs, s->output_step);
    for (size_t k = 0; k < WINOGRAD_PRODUCTS; k++)
        gemm(&(gemm_call){.a_transposed = true,
                          .m = (int)c,
                          .n = g->oc,
                          .k = (int)rows,
                          .alpha = 1,
                          .beta = first > 0 ? 1 : 0,
                          .a = s->inputs + k * s->input_step,
                          .lda = (int)c,
                          .b = s->outputs + k * s->output_step,
                          .ldb = g->oc,
                          .c = s->taps + k * s->taps_step,
                          .ldc = g->oc});
}

static void run_weight(void *context, int chunk, int worker)
{
    const weight_job *job = context;
    const conv_geometry *g = job->g;
    const int phase = chunk / job->cuts;
    const span channels = span_part(g->c, 1, chunk % job->cuts, job->cuts);
    const weight_space s = weight_space_of(g, channels.to - channels.from, team_scratch(job->team, worker));
    memset(s.outside, 0, (size_t)(channels.to - channels.from) * sizeof *s.outside);
    for (int first = 0; first < g->n; first += job->group)
        sum_group(job, phase, channels, first, first + job->group < g->n ? job->group : g->n - first, &s);
    size_t at[WINOGRAD_TAPS];
    phase_taps(g, phase, at);
    float *dw = job->dw + (size_t)channels.from * oc_of(g);
    float *const taps[] = {dw + at[0], dw + at[1], dw + at[2], dw + at[3]};
    winograd_taps_adjoint(s.taps, s.taps_step, (size_t)(channels.to - channels.from) * oc_of(g), job->add, taps);
}

void conv_winograd_weight(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add)
{
    weight_job job = {
        .team = t, .g = g, .x = x, .dy = dy, .add = add, .dw = dw, .cuts = cuts_of(g), .group = weight_group(g)};
    team_run(t, PHASES * job.cuts, run_weight, &job);
}

/* ---- sizes */

size_t conv_winograd_work(const conv_geometry *g, enum conv_pass pass)
{
    return pass == CONV_WEIGHT_GRADIENT ? 0 : WINOGRAD_PRODUCTS * PHASES * c_of(g) * oc_of(g);
}

size_t conv_winograd_scratch(const conv_geometry *g, enum conv_pass pass)
{
    if (pass != CONV_WEIGHT_GRADIENT)
        return space_sizes(g, part_group(g)).all;
    const int most = (g->c + cuts_of(g) - 1) / cuts_of(g);
    return weight_space_sizes(g, most).all;
}

/* ---- reports */

double conv_winograd_macs(const conv_geometry *g)
{
    return (double)g->n * (double)tiles_of(g) * WINOGRAD_PRODUCTS * PHASES * g->c * g->oc;
}

conv_product conv_winograd_product(const conv_geometry *g, enum conv_pass pass)
{
    const int tiles = g->n * (int)tiles_of(g), depth = PHASES * g->c;
    switch (pass) {
    case CONV_FORWARD:
        return (conv_product){.m = tiles, .n = g->oc, .k = depth};
    case CONV_INPUT_GRADIENT:
        return (conv_product){.m = tiles, .n = depth, .k = g->oc};
    case CONV_WEIGHT_GRADIENT:
        break;
    }
    return (conv_product){.a_transposed = true, .m = g->c, .n = g->oc, .k = tiles};
}
