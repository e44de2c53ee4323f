/* SPDX-License-Identifier: MIT */
/* op_shape.c — operations that move values without changing them: views, concat, slice. */
#include "graph/graph.h"

#include <string.h>

static const op op_reshape = {.name = "reshape", .is_view = true, .in_place = true};
/* A view whose gradient goes nowhere: it has no backward and, unlike the other views, is copied. */
static void stop_forward(const call *c)
{
    if (c->y != c->x[0])
        memcpy(c->y, c->x[0], shape_size(c->t->s) * sizeof *c->y);
}
static const op op_stop = {.name = "stop", .forward = stop_forward, .in_place = true};

tensor *t_reshape(tensor *a, shape s)
{
    if (s.n != a->s.n || shape_row(s) != shape_row(a->s)) {
        graph_fail(a->graph, "reshape", "%d×%d×%d×%d into %d×%d×%d×%d", a->s.n, a->s.h, a->s.w, a->s.c, s.n, s.h, s.w,
                   s.c);
        return a;
    }
    return graph_record(a->graph, &op_reshape, s, &a, 1);
}

tensor *t_flat(tensor *a)
{
    return t_reshape(a, (shape){a->s.n, 1, 1, (int)shape_row(a->s)});
}

tensor *t_stop(tensor *a)
{
    return graph_record(a->graph, &op_stop, a->s, &a, 1);
}

/* Returns the number of positions, n·h·w; the channels of each lie together. */
static size_t positions(shape s)
{
    return (size_t)s.n * (size_t)s.h * (size_t)s.w;
}

/* Copies runs of `width` floats between rows of different lengths. */
typedef struct runs {
    float *to;
    const float *from;
    size_t to_row, from_row, width, count;
    bool add;
    int chunks;
} runs;

static void runs_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const runs *r = context;
    size_t first = r->count * (size_t)chunk / (size_t)r->chunks;
    size_t last = r->count * (size_t)(chunk + 1) / (size_t)r->chunks;
    for (size_t i = first; i < last; i++) {
        float *to = r->to + i * r->to_row;
        const float *from = r->from + i * r->from_row;
        if (!r->add)
            memcpy(to, from, r->width * sizeof *to);
        for (size_t j = 0; r->add && j < r->width; j++)
            to[j] += from[j];
    }
}

static void copy_runs(team *t, runs r)
{
    r.chunks = map_chunks(r.count * r.width);
    team_run(t, r.chunks, runs_chunk, &r);
}

static void concat_forward(const call *c)
{
    size_t row = (size_t)c->t->s.c, first = (size_t)c->t->source[0]->s.c;
    copy_runs(c->team, (runs){.to = c->y,
                              .from = c->x[0],
                              .to_row = row,
                              .from_row = first,
                              .width = first,
                              .count = positions(c->t->s)});
    copy_runs(c->team, (runs){.to = c->y + first,
                              .from = c->x[1],
                              .to_row = row,
                              .from_row = row - first,
                              .width = row - first,
                              .count = positions(c->t->s)});
}

/* The second source comes first, as in all operations: where both are one tensor, the first one's gradient is added. */
static void concat_backward(const call *c)
{
    size_t row = (size_t)c->t->s.c, first = (size_t)c->t->source[0]->s.c;
    for (int i = 1; i >= 0; i--) {
        size_t width = i ? row - first : first;
        if (c->dx[i])
            copy_runs(c->team, (runs){.to = c->dx[i],
                                      .from = c->dy + (i ? first : 0),
                                      .to_row = width,
                                      .from_row = row,
                                      .width = width,
                                      .count = positions(c->t->s),
                                      .add = c->add[i]});
    }
}

static const op op_concat = {.name = "concat", .forward = concat_forward, .backward = concat_backward};

tensor *t_concat(tensor *a, tensor *b)
{
    shape s = a->s, r = b->s;
    if (s.n != r.n || s.h != r.h || s.w != r.w) {
        graph_fail(a->graph, "concat", "%d×%d×%d×%d beside %d×%d×%d×%d", s.n, s.h, s.w, s.c, r.n, r.h, r.w, r.c);
        b = a;
    }
    s.c += b->s.c;
    return graph_record(a->graph, &op_concat, s, (tensor *[]){a, b}, 2);
}

static void slice_forward(const call *c)
{
    size_t width = (size_t)c->t->s.c;
    copy_runs(c->team, (runs){.to = c->y,
                              .from = c->x[0] + c->t->at.integer[0],
                              .to_row = width,
                              .from_row = (size_t)c->t->source[0]->s.c,
                              .width = width,
                              .count = positions(c->t->s)});
}

static void slice_backward(const call *c)
{
    if (!c->dx[0])
        return;
    size_t width = (size_t)c->t->s.c, row = (size_t)c->t->source[0]->s.c;
    if (!c->add[0])
        memset(c->dx[0], 0, shape_size(c->t->source[0]->s) * sizeof *c->dx[0]);
    copy_runs(c->team, (runs){.to = c->dx[0] + c->t->at.integer[0],
                              .from = c->dy,
                              .to_row = row,
                              .from_row = width,
                              .width = width,
                              .count = positions(c->t->s),
                              .add = true});
}

static const op op_slice = {.name = "slice", .forward = slice_forward, .backward = slice_backward};

tensor *t_slice(tensor *a, int first, int channels)
{
    shape s = a->s;
    if (first < 0 || channels < 1 || first > s.c - channels) {
        graph_fail(a->graph, "slice", "channels %d … %d of %d", first, first + channels - 1, s.c);
        return a;
    }
    s.c = channels;
    tensor *t = graph_record(a->graph, &op_slice, s, &a, 1);
    t->at.integer[0] = first;
    return t;
}
