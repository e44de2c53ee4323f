/* SPDX-License-Identifier: MIT */
/* op_reduce.c — sums, means and norms. They are accumulated in double, in an order that depends on the shape alone. */
#include "graph/graph.h"

#include <math.h>

/* --- over everything --- */

typedef struct total_job {
    const float *x;
    size_t count;
    int chunks;
    double partial[MAP_CHUNKS_MAX];
} total_job;

static void total_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    total_job *j = context;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    double sum = 0;
    for (size_t i = first; i < last; i++)
        sum += j->x[i];
    j->partial[chunk] = sum;
}

/* The sum is multiplied by at.number[0]: 1, or 1/count for a mean. */
static void total_forward(const call *c)
{
    size_t count = shape_size(c->t->source[0]->s);
    total_job j = {.x = c->x[0], .count = count, .chunks = map_chunks(count)};
    team_run(c->team, j.chunks, total_chunk, &j);
    double sum = 0;
    for (int i = 0; i < j.chunks; i++)
        sum += j.partial[i];
    c->y[0] = (float)(sum * (double)c->t->at.number[0]);
}

static void total_backward(const call *c)
{
    float k = c->dy[0] * c->t->at.number[0];
    for (size_t i = 0; c->dx[0] && i < shape_size(c->t->source[0]->s); i++)
        c->dx[0][i] = (c->add[0] ? c->dx[0][i] : 0) + k;
}

static const op op_sum = {.name = "sum", .forward = total_forward, .backward = total_backward};
static const op op_mean = {.name = "mean", .forward = total_forward, .backward = total_backward};

static tensor *record(const op *o, tensor *a, shape s, float factor)
{
    tensor *t = graph_record(a->graph, o, s, &a, 1);
    t->at.number[0] = factor;
    return t;
}

static const shape single = {1, 1, 1, 1};

tensor *t_sum(tensor *a)
{
    return record(&op_sum, a, single, 1);
}

tensor *t_mean(tensor *a)
{
    return record(&op_mean, a, single, 1 / (float)shape_size(a->s));
}

/* --- over h, w, c --- */

static void row_forward(const call *c)
{
    size_t row = shape_row(c->t->source[0]->s);
    for (int i = 0; i < c->t->s.n; i++) {
        double sum = 0;
        for (size_t j = 0; j < row; j++)
            sum += c->x[0][(size_t)i * row + j];
        c->y[i] = (float)(sum * (double)c->t->at.number[0]);
    }
}

static void row_backward(const call *c)
{
    size_t row = shape_row(c->t->source[0]->s);
    for (int i = 0; c->dx[0] && i < c->t->s.n; i++) {
        float *dx = c->dx[0] + (size_t)i * row, k = c->dy[i] * c->t->at.number[0];
        for (size_t j = 0; j < row; j++)
            dx[j] = (c->add[0] ? dx[j] : 0) + k;
    }
}

static void norm_forward(const call *c)
{
    size_t row = shape_row(c->t->source[0]->s);
    for (int i = 0; i < c->t->s.n; i++) {
        const float *x = c->x[0] + (size_t)i * row;
        double sum = 1e-12;
        for (size_t j = 0; j < row; j++)
            sum += (double)x[j] * (double)x[j];
        c->y[i] = (float)sqrt(sum);
    }
}

static void norm_backward(const call *c)
{
    size_t row = shape_row(c->t->source[0]->s);
    for (int i = 0; c->dx[0] && i < c->t->s.n; i++) {
        const float *x = c->x[0] + (size_t)i * row;
        float *dx = c->dx[0] + (size_t)i * row, k = c->dy[i] / c->y[i];
        for (size_t j = 0; j < row; j++)
            dx[j] = (c->add[0] ? dx[j] : 0) + k * x[j];
    }
}

static const op op_row_sum = {.name = "row_sum", .forward = row_forward, .backward = row_backward};
static const op op_row_mean = {.name = "row_mean", .forward = row_forward, .backward = row_backward};
static const op op_row_norm = {
    .name = "row_norm", .forward = norm_forward, .backward = norm_backward, .reads = {1}, .reads_y = true};

tensor *t_row_sum(tensor *a)
{
    return record(&op_row_sum, a, (shape){a->s.n, 1, 1, 1}, 1);
}

tensor *t_row_mean(tensor *a)
{
    return record(&op_row_mean, a, (shape){a->s.n, 1, 1, 1}, 1 / (float)shape_row(a->s));
}

tensor *t_row_norm(tensor *a)
{
    return record(&op_row_norm, a, (shape){a->s.n, 1, 1, 1}, 0);
}

/* --- over n --- */

static void batch_forward(const call *c)
{
    shape s = c->t->source[0]->s;
    size_t row = shape_row(s);
    for (size_t j = 0; j < row; j++) {
        double sum = 0;
        for (int i = 0; i < s.n; i++)
            sum += c->x[0][(size_t)i * row + j];
        c->y[j] = (float)(sum / s.n);
    }
}

static void batch_backward(const call *c)
{
    shape s = c->t->source[0]->s;
    size_t row = shape_row(s);
    for (int i = 0; c->dx[0] && i < s.n; i++) {
        float *dx = c->dx[0] + (size_t)i * row;
        for (size_t j = 0; j < row; j++)
            dx[j] = (c->add[0] ? dx[j] : 0) + c->dy[j] / (float)s.n;
    }
}

static const op op_batch_mean = {.name = "batch_mean", .forward = batch_forward, .backward = batch_backward};

tensor *t_batch_mean(tensor *a)
{
    return record(&op_batch_mean, a, (shape){1, a->s.h, a->s.w, a->s.c}, 0);
}

tensor *t_spread(tensor *a)
{
    return t_mean(t_row_norm(t_sub(a, t_batch_mean(a))));
}
