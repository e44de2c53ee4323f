/* SPDX-License-Identifier: MIT */
/*
 * conv_columns.c — the input gradient where x has few channels, as images have. A product whose result had so few
 * columns would leave most of a vector register empty. So dy is multiplied by all taps at once, which gives the columns
 * of im2col, and these are then added into dx line by line, in a fixed order (col2im).
 */
#include "base/minmax.h"
#include "compute/conv_internal.h"

enum {
    CHANNELS_MAX = 8,
    DEPTH_MAX = 512,         /* floats of a row of columns */
    POSITIONS_MIN = 16,      /* positions of an image with fixed tiles, where each image has its own product */
    ROWS_WANTED = 256,       /* positions a group of images should have */
    COLUMNS_FLOATS = 1 << 18 /* floats that a group of several images may have */
};

bool conv_columns_fit(const conv_geometry *g)
{
    return g->c <= CHANNELS_MAX && conv_depth(g) <= DEPTH_MAX && !(g->fixed_tiles && g->oh * g->ow < POSITIONS_MIN);
}

/* Returns the images of a group: so few that their columns stay in the cache, and one with fixed tiles. */
static int group_images(const conv_geometry *g)
{
    long positions = (long)g->oh * g->ow, floats = positions * conv_depth(g);
    long images = ROWS_WANTED / positions;
    if (images > COLUMNS_FLOATS / floats)
        images = COLUMNS_FLOATS / floats;
    if (images > g->n)
        images = g->n;
    return g->fixed_tiles || images < 1 ? 1 : (int)images;
}

size_t conv_columns_scratch(const conv_geometry *g)
{
    return (size_t)group_images(g) * (size_t)(g->oh * g->ow) * (size_t)conv_depth(g);
}

/* The contributions of the windows of one line of dy to one line of dx: n floats of every window. Those of the first
 * window belong at `start` of the line, those of each further window `step` floats later. */
typedef struct run {
    const float *seen;
    size_t pitch; /* floats from one window's to the next one's in `seen` */
    int windows, n, start, step;
} run;

static inline void add_whole(const run *r, int first, int last, const int n, float *restrict line)
{
    const float *restrict in = r->seen + (size_t)first * r->pitch;
    float *out = line + r->start + first * r->step;
    for (int i = first; i < last; i++, in += r->pitch, out += r->step)
        for (int k = 0; k < n; k++)
            out[k] += in[k];
}

static void add_clipped(const run *r, int first, int last, int length, float *line)
{
    for (int i = first; i < last; i++) {
        const int start = r->start + i * r->step;
        for (int k = max_int(-start, 0); k < min_int(length - start, r->n); k++)
            line[start + k] += r->seen[(size_t)i * r->pitch + (size_t)k];
    }
}

static void add_run(const run *r, int length, float *line)
{
    /* The windows [first, last) lie wholly within the line. */
    int first = r->start >= 0 ? 0 : min_int((-r->start + r->step - 1) / r->step, r->windows);
    int room = length - r->n - r->start;
    int last = room < 0 ? first : max_int(first, min_int(room / r->step + 1, r->windows));
    add_clipped(r, 0, first, length, line);
    /* With a constant number of floats the compiler vectorises the loop: 2 and 6 are one and three channels at
     * stride 2. */
    if (r->n == 2)
        add_whole(r, first, last, 2, line);
    else if (r->n == 6)
        add_whole(r, first, last, 6, line);
    else
        add_whole(r, first, last, r->n, line);
    add_clipped(r, last, r->windows, length, line);
}

/* Adds to one line of dx the contribution of line `oy` of dy by row `ky` of the kernel. The taps are taken in groups as
 * wide as the stride: within a group no two windows overlap, so no addition waits for the one before. */
static void add_line(const conv_geometry *g, const float *columns, int ky, int oy, float *line)
{
    const int depth = conv_depth(g), across = g->kernel * g->c, step = g->stride * g->c;
    const float *seen = columns + (size_t)(oy * g->ow) * (size_t)depth + ky * across;
    for (int from = 0; from < across; from += step) {
        const run r = {.seen = seen + from,
                       .pitch = (size_t)depth,
                       .windows = g->ow,
                       .n = min_int(step, across - from),
                       .start = from - g->pad_begin * g->c,
                       .step = step};
        add_run(&r, g->w * g->c, line);
    }
}

static void gather_image(const input_gradient *job, const float *columns, float *dx)
{
    const conv_geometry *g = job->g;
    const int length = g->w * g->c;
    for (int y = 0; y < g->h; y++) {
        float *line = dx + (size_t)y * (size_t)length;
        row_bias_apply(job->bias, job->add, 0, length, line);
        for (int ky = 0; ky < g->kernel; ky++) {
            int below = y + g->pad_begin - ky;
            if (below >= 0 && below % g->stride == 0 && below / g->stride < g->oh)
                add_line(g, columns, ky, below / g->stride, line);
        }
    }
}

typedef struct columns_job {
    team *team;
    const input_gradient *gradient;
    const float *weights; /* transposed: oc × depth */
    int images;           /* in a group */
} columns_job;

static void run_group(void *context, int chunk, int worker)
{
    const columns_job *job = context;
    const input_gradient *gradient = job->gradient;
    const conv_geometry *g = gradient->g;
    const int depth = conv_depth(g), positions = g->oh * g->ow, first = chunk * job->images;
    const int images = g->n - first < job->images ? g->n - first : job->images;
    float *columns = team_scratch(job->team, worker);
    gemm(&(gemm_call){.m = images * positions,
                      .n = depth,
                      .k = g->oc,
                      .alpha = 1,
                      .a = gradient->dy + (size_t)(first * positions) * (size_t)g->oc,
                      .lda = g->oc,
                      .b = job->weights,
                      .ldb = depth,
                      .c = columns,
                      .ldc = depth});
    const size_t image = (size_t)g->h * (size_t)g->w * (size_t)g->c;
    for (int i = 0; i < images; i++)
        gather_image(gradient, columns + (size_t)(i * positions) * (size_t)depth,
                     gradient->dx + (size_t)(first + i) * image);
}

size_t conv_columns_work(const conv_geometry *g)
{
    return (size_t)conv_depth(g) * (size_t)g->oc;
}

void conv_columns_run(team *t, const input_gradient *gradient, float *work)
{
    const conv_geometry *g = gradient->g;
    columns_job job = {.team = t, .gradient = gradient, .weights = work, .images = group_images(g)};
    blas_transpose(conv_depth(g), g->oc, gradient->weights, g->oc, work, conv_depth(g));
    team_run(t, (g->n + job.images - 1) / job.images, run_group, &job);
}
