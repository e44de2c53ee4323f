/* SPDX-License-Identifier: MIT */
/* op_pool.c — pooling over square windows (window = stride) and nearest-neighbour upsampling. integer[0] is the window.
 */
#include "graph/graph.h"

#include <math.h>
#include <string.h>

/* One window: where it begins in the fine map, and the layout of that map. */
typedef struct window {
    size_t fine, coarse; /* offsets of the first channel */
} window;

typedef void window_body(const call *c, window w, size_t row, int channels);

/* Calls `body` for every position of the coarse map. The fine map has rows of coarse.w·k positions. */
static void each_window(const call *c, shape coarse, window_body *body)
{
    int k = c->t->at.integer[0];
    size_t channels = (size_t)coarse.c, row = (size_t)coarse.w * (size_t)k * channels;
    for (int n = 0; n < coarse.n; n++)
        for (int i = 0; i < coarse.h; i++)
            for (int j = 0; j < coarse.w; j++) {
                size_t line = ((size_t)n * (size_t)coarse.h + (size_t)i);
                window w = {.fine = line * (size_t)k * row + (size_t)j * (size_t)k * channels,
                            .coarse = (line * (size_t)coarse.w + (size_t)j) * channels};
                body(c, w, row, coarse.c);
            }
}

static size_t inside(const call *c, int place, size_t row, int channels)
{
    int k = c->t->at.integer[0];
    return (size_t)(place / k) * row + (size_t)(place % k) * (size_t)channels;
}

static int area(const call *c)
{
    return c->t->at.integer[0] * c->t->at.integer[0];
}

static void max_window(const call *c, window w, size_t row, int channels)
{
    const float *x = c->x[0] + w.fine;
    for (int j = 0; j < channels; j++) {
        float best = x[j];
        for (int p = 1; p < area(c); p++) {
            float v = x[inside(c, p, row, channels) + (size_t)j];
            best = v > best || isnan(v) ? v : best;
        }
        c->y[w.coarse + (size_t)j] = best;
    }
}

/* Adds the gradient to dx at the window's maximum; of equal maxima, at the first. */
static void max_window_back(const call *c, window w, size_t row, int channels)
{
    const float *x = c->x[0] + w.fine;
    for (int j = 0; j < channels; j++)
        for (int p = 0; p < area(c); p++) {
            size_t at = inside(c, p, row, channels) + (size_t)j;
            if (x[at] >= c->y[w.coarse + (size_t)j]) {
                c->dx[0][w.fine + at] += c->dy[w.coarse + (size_t)j];
                break;
            }
        }
}

static void mean_window(const call *c, window w, size_t row, int channels)
{
    for (int j = 0; j < channels; j++) {
        double sum = 0;
        for (int p = 0; p < area(c); p++)
            sum += (double)c->x[0][w.fine + inside(c, p, row, channels) + (size_t)j];
        c->y[w.coarse + (size_t)j] = (float)(sum / area(c));
    }
}

static void mean_window_back(const call *c, window w, size_t row, int channels)
{
    for (int p = 0; p < area(c); p++)
        for (int j = 0; j < channels; j++)
            c->dx[0][w.fine + inside(c, p, row, channels) + (size_t)j] += c->dy[w.coarse + (size_t)j] / (float)area(c);
}

static void copy_window(const call *c, window w, size_t row, int channels)
{
    for (int p = 0; p < area(c); p++)
        memcpy(c->y + w.fine + inside(c, p, row, channels), c->x[0] + w.coarse, (size_t)channels * sizeof *c->y);
}

static void copy_window_back(const call *c, window w, size_t row, int channels)
{
    for (int p = 0; p < area(c); p++)
        for (int j = 0; j < channels; j++)
            c->dx[0][w.coarse + (size_t)j] += c->dy[w.fine + inside(c, p, row, channels) + (size_t)j];
}

static void clear(const call *c)
{
    if (!c->add[0])
        memset(c->dx[0], 0, shape_size(c->t->source[0]->s) * sizeof *c->dx[0]);
}

static void max_forward(const call *c)
{
    each_window(c, c->t->s, max_window);
}

static void max_backward(const call *c)
{
    clear(c);
    each_window(c, c->t->s, max_window_back);
}

static void mean_forward(const call *c)
{
    each_window(c, c->t->s, mean_window);
}

static void mean_backward(const call *c)
{
    clear(c);
    each_window(c, c->t->s, mean_window_back);
}

static void upsample_forward(const call *c)
{
    each_window(c, c->t->source[0]->s, copy_window);
}

static void upsample_backward(const call *c)
{
    clear(c);
    each_window(c, c->t->source[0]->s, copy_window_back);
}

static const op op_max_pool = {
    .name = "max_pool", .forward = max_forward, .backward = max_backward, .reads = {1}, .reads_y = true};
static const op op_mean_pool = {.name = "mean_pool", .forward = mean_forward, .backward = mean_backward};
static const op op_upsample = {.name = "upsample", .forward = upsample_forward, .backward = upsample_backward};

static tensor *record(const op *o, tensor *a, shape s, int side)
{
    tensor *t = graph_record(a->graph, o, s, &a, 1);
    t->at.integer[0] = side;
    return t;
}

static tensor *record_pool(const op *o, tensor *a, int side)
{
    shape s = a->s;
    if (side < 1 || s.h % side || s.w % side) {
        graph_fail(a->graph, o->name, "a map of %d×%d does not divide into windows of %d×%d", s.h, s.w, side, side);
        side = 1;
    }
    return record(o, a, (shape){s.n, s.h / side, s.w / side, s.c}, side);
}

tensor *t_max_pool(tensor *a, int side)
{
    return record_pool(&op_max_pool, a, side);
}

tensor *t_mean_pool(tensor *a, int side)
{
    return record_pool(&op_mean_pool, a, side);
}

tensor *t_upsample(tensor *a, int factor)
{
    if (factor < 1) {
        graph_fail(a->graph, "upsample", "factor %d is not positive", factor);
        factor = 1;
    }
    return record(&op_upsample, a, (shape){a->s.n, a->s.h * factor, a->s.w * factor, a->s.c}, factor);
}
