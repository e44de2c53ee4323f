/* SPDX-License-Identifier: MIT */
/*
 * op_random.c — random draws (normal, uniform, dropout), and constants. Every chunk has its own counters, so a draw is
 * the same at any thread count. It depends only on the seed, the graph, the place in the graph and the step.
 */
#include "base/simd.h"
#include "graph/graph.h"

#include <stdio.h>

enum { COUNTERS = 16 }; /* counters of one step; at least the chunks of map_chunks */

typedef struct draw_job {
    const call *c;
    size_t count;
    int chunks;
} draw_job;

static draw_job draw_of(const call *c)
{
    size_t count = shape_size(c->t->s);
    return (draw_job){.c = c, .count = count, .chunks = map_chunks(count)};
}

static uint64_t counter_of(const draw_job *j, int chunk)
{
    return j->c->step * COUNTERS + (uint64_t)chunk;
}

static void normal_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const draw_job *j = context;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    random_normal(j->c->t->at.key, counter_of(j, chunk), 0, 1, j->c->y + first, last - first);
}

static void uniform_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const draw_job *j = context;
    const attributes *at = &j->c->t->at;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    random_uniform(at->key, counter_of(j, chunk), at->number[0], at->number[1], j->c->y + first, last - first);
}

static void constant_forward(const call *c)
{
    for (size_t i = 0; i < shape_size(c->t->s); i++)
        c->y[i] = c->t->at.number[0];
}

static void normal_forward(const call *c)
{
    draw_job j = draw_of(c);
    team_run(c->team, j.chunks, normal_chunk, &j);
}

static void uniform_forward(const call *c)
{
    draw_job j = draw_of(c);
    team_run(c->team, j.chunks, uniform_chunk, &j);
}

const op op_constant = {.name = "constant", .forward = constant_forward};
static const op op_normal = {.name = "normal", .forward = normal_forward};
static const op op_uniform = {.name = "uniform", .forward = uniform_forward};

static random_key key_of(const tensor *t)
{
    char name[64];
    snprintf(name, sizeof name, "draw/%d/%d", t->graph->ordinal, t->index);
    return random_stream(t->graph->seed, name);
}

tensor *t_constant(graph *g, shape s, float value)
{
    tensor *t = graph_record(g, &op_constant, s, NULL, 0);
    t->at.number[0] = value;
    return t;
}

tensor *t_normal(graph *g, shape s)
{
    tensor *t = graph_record(g, &op_normal, s, NULL, 0);
    t->at.key = key_of(t);
    return t;
}

tensor *t_uniform(graph *g, shape s, float low, float high)
{
    tensor *t = graph_record(g, &op_uniform, s, NULL, 0);
    t->at.number[0] = low;
    t->at.number[1] = high;
    t->at.key = key_of(t);
    return t;
}

/* --- dropout: aux holds the mask, 0 or 1/(1 - rate) --- */

SIMD_CLONES static void multiply(float *y, const float *a, const float *b, size_t n, bool add)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (add ? y[i] : 0) + a[i] * b[i];
}

static void dropout_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const draw_job *j = context;
    const attributes *at = &j->c->t->at;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    float *mask = j->c->aux + first, rate = at->number[0], kept = 1 / (1 - rate);
    random_uniform(at->key, counter_of(j, chunk), 0, 1, mask, last - first);
    for (size_t i = 0; i < last - first; i++)
        mask[i] = mask[i] < rate ? 0 : kept;
    multiply(j->c->y + first, j->c->x[0] + first, mask, last - first, false);
}

static void dropout_forward(const call *c)
{
    draw_job j = draw_of(c);
    team_run(c->team, j.chunks, dropout_chunk, &j);
}

static void dropout_backward(const call *c)
{
    if (c->dx[0])
        multiply(c->dx[0], c->dy, c->aux, shape_size(c->t->s), c->add[0]);
}

static size_t dropout_aux(const tensor *t)
{
    return shape_size(t->s);
}

static const op op_dropout = {.name = "dropout",
                              .forward = dropout_forward,
                              .backward = dropout_backward,
                              .reads_aux = true,
                              .in_place = true,
                              .aux = dropout_aux};

tensor *t_dropout(tensor *a, float rate)
{
    if (!(rate >= 0 && rate < 1))
        graph_fail(a->graph, "dropout", "rate %g is not in [0, 1)", (double)rate);
    if (a->graph->score || rate <= 0)
        return a;
    tensor *t = graph_record(a->graph, &op_dropout, a->s, &a, 1);
    t->at.number[0] = rate;
    t->at.key = key_of(t);
    return t;
}
