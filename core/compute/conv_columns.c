/* SPDX-License-Identifier: MIT */
/*
 * conv_columns.c — the input gradient for few channels, as for the images themselves. A product with so few
 * columns would leave most of a vector register empty; dy times all taps at once fills it, and the taps are
 * then gathered line by line, in a fixed order.
 */
#include "compute/conv_parts.h"

enum {
    CHANNELS_MAX = 8,
    TAPS_MAX = 512,          /* floats of a row of columns */
    POSITIONS_MIN = 16,      /* of an image, with fixed tiles: the product is then one image's */
    ROWS_WANTED = 256,       /* positions a group of images should have */
    COLUMNS_FLOATS = 1 << 18 /* and at most as many floats, but for a single image */
};

bool conv_columns_fit(const conv_geometry *g)
{
    return g->c <= CHANNELS_MAX && conv_depth(g) <= TAPS_MAX && !(g->fixed_tiles && g->oh * g->ow < POSITIONS_MIN);
}

/* Images in a group: few enough to stay in the cache, and one alone with fixed tiles. */
static int group_images(const conv_geometry *g)
{
    long positions = (long)g->oh * g->ow, floats = positions * conv_depth(g);
    long images = 4 * ROWS_WANTED / positions;
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

/* Adds to one line of dx what row `ky` of the kernel saw of it from row `oy` of dy. */
static void add_line(const conv_geometry *g, const float *columns, int ky, int oy, float *line)
{
    const int depth = conv_depth(g), across = g->kernel * g->c, length = g->w * g->c;
    const float *in = columns + (size_t)(oy * g->ow) * (size_t)depth + ky * across;
    int start = -g->pad_begin * g->c;
    for (int ox = 0; ox < g->ow; ox++, in += depth, start += g->stride * g->c) {
        int from = start < 0 ? -start : 0, to = start + across > length ? length - start : across;
        for (int i = from; i < to; i++)
            line[start + i] += in[i];
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
            int above = y + g->pad_begin - ky;
            if (above >= 0 && above % g->stride == 0 && above / g->stride < g->oh)
                add_line(g, columns, ky, above / g->stride, line);
        }
    }
}

typedef struct columns_job {
    team *team;
    const input_gradient *gradient;
    int images; /* in a group */
} columns_job;

static void run_group(void *context, int chunk, int worker)
{
    const columns_job *job = context;
    const input_gradient *gradient = job->gradient;
    const conv_geometry *g = gradient->g;
    const int depth = conv_depth(g), positions = g->oh * g->ow, first = chunk * job->images;
    const int images = g->n - first < job->images ? g->n - first : job->images;
    float *columns = team_scratch(job->team, worker);
    gemm(&(gemm_call){.b_transposed = true,
                      .m = images * positions,
                      .n = depth,
                      .k = g->oc,
                      .alpha = 1,
                      .a = gradient->dy + (size_t)(first * positions) * (size_t)g->oc,
                      .lda = g->oc,
                      .b = gradient->weights,
                      .ldb = g->oc,
                      .c = columns,
                      .ldc = depth});
    const size_t image = (size_t)g->h * (size_t)g->w * (size_t)g->c;
    for (int i = 0; i < images; i++)
        gather_image(gradient, columns + (size_t)(i * positions) * (size_t)depth,
                     gradient->dx + (size_t)(first + i) * image);
}

void conv_columns_run(team *t, const input_gradient *gradient)
{
    columns_job job = {.team = t, .gradient = gradient, .images = group_images(gradient->g)};
    team_run(t, (gradient->g->n + job.images - 1) / job.images, run_group, &job);
}
