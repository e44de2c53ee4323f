/* SPDX-License-Identifier: MIT */
/*
 * op_norm.c — batch norm per channel (Ioffe & Szegedy, 2015). Sources: x, γ, β.
 *
 * TRAIN graphs normalise by the batch; the running statistics belong to the net and move only where an objective
 * of the program trains it. SCORE graphs and frozen nets normalise by the running statistics, so rows do not depend on
 * each other.
 */
#include "base/simd.h"
#include "compute/column_sums.h"
#include "graph/graph.h"

#include <math.h>

enum { X, GAMMA, BETA };

/* aux: mean, 1/√(variance + ε), and the affine map y = slope·x + shift; each of c floats, padded to 16. */
static size_t padded(const tensor *t)
{
    return team_lines((size_t)t->s.c);
}

static bool is_settled(const tensor *t)
{
    return t->at.score || t->at.is_settled;
}

static size_t rows_of(const tensor *t)
{
    return (size_t)t->s.n * (size_t)t->s.h * (size_t)t->s.w;
}

typedef struct norm_view {
    float *mean, *inverse, *slope, *shift;
} norm_view;

static norm_view view_of(const call *c)
{
    size_t p = padded(c->t);
    return (norm_view){c->aux, c->aux + p, c->aux + 2 * p, c->aux + 3 * p};
}

static size_t norm_aux(const tensor *t)
{
    return 4 * padded(t);
}

/* work: sums and products (doubles), the three factors of dx, then the partial sums. */
static size_t norm_work(const tensor *t, bool backward)
{
    (void)backward;
    return 7 * padded(t) + column_sums_work(rows_of(t), (size_t)t->s.c);
}

SIMD_CLONES static void affine_row(float *y, const float *x, const float *slope, const float *shift, size_t c)
{
    for (size_t j = 0; j < c; j++)
        y[j] = slope[j] * x[j] + shift[j];
}

SIMD_CLONES static void gradient_row(float *dx, const float *dy, const float *x, const float *k, size_t stride,
                                     size_t c, bool add)
{
    const float *of_dy = k, *of_x = k + stride, *constant = k + 2 * stride;
    for (size_t j = 0; j < c; j++)
        dx[j] = (add ? dx[j] : 0) + of_dy[j] * dy[j] + of_x[j] * x[j] + constant[j];
}

typedef struct norm_job {
    const call *c;
    const float *factors;
    int chunks;
} norm_job;

static void forward_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const norm_job *j = context;
    const call *c = j->c;
    norm_view v = view_of(c);
    size_t rows = rows_of(c->t), columns = (size_t)c->t->s.c;
    size_t first = rows * (size_t)chunk / (size_t)j->chunks, last = rows * (size_t)(chunk + 1) / (size_t)j->chunks;
    for (size_t i = first; i < last; i++)
        affine_row(c->y + i * columns, c->x[X] + i * columns, v.slope, v.shift, columns);
}

static void backward_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const norm_job *j = context;
    const call *c = j->c;
    size_t rows = rows_of(c->t), columns = (size_t)c->t->s.c;
    size_t first = rows * (size_t)chunk / (size_t)j->chunks, last = rows * (size_t)(chunk + 1) / (size_t)j->chunks;
    for (size_t i = first; i < last; i++)
        gradient_row(c->dx[X] + i * columns, c->dy + i * columns, c->x[X] + i * columns, j->factors, padded(c->t),
                     columns, c->add[X]);
}

static void over_rows(const call *c, team_body *body, const float *factors)
{
    norm_job j = {.c = c, .factors = factors, .chunks = map_chunks(shape_size(c->t->s))};
    team_run(c->team, j.chunks, body, &j);
}

/* number[0] is ε, number[1] the momentum. */
static void move_running(const tensor *t, const norm_view *v, const double *variance, size_t rows)
{
    float momentum = t->at.number[1];
    float *mean = t->at.statistic[0]->values, *running = t->at.statistic[1]->values;
    double correction = t->at.biased || rows < 2 ? 1 : (double)rows / (double)(rows - 1);
    for (int j = 0; j < t->s.c; j++) {
        mean[j] += momentum * (v->mean[j] - mean[j]);
        running[j] += momentum * ((float)(variance[j] * correction) - running[j]);
    }
}

static void batch_statistics(const call *c, norm_view *v)
{
    size_t rows = rows_of(c->t), columns = (size_t)c->t->s.c, p = padded(c->t);
    double *sum = (double *)(void *)c->work, *square = sum + p;
    column_sums_call s = {.rows = rows, .columns = columns, .a = c->x[X], .b = c->x[X], .sum_a = sum, .sum_ab = square};
    column_sums(c->team, &s, c->work + 7 * p);
    for (size_t j = 0; j < columns; j++) {
        double mean = sum[j] / (double)rows;
        double variance = fmax(square[j] / (double)rows - mean * mean, 0);
        v->mean[j] = (float)mean;
        v->inverse[j] = (float)(1 / sqrt(variance + (double)c->t->at.number[0]));
        square[j] = variance;
    }
    if (c->t->at.moves_statistics)
        move_running(c->t, v, square, rows);
}

static void running_statistics(const call *c, norm_view *v)
{
    const float *mean = c->t->at.statistic[0]->values, *variance = c->t->at.statistic[1]->values;
    for (int j = 0; j < c->t->s.c; j++) {
        v->mean[j] = mean[j];
        v->inverse[j] = (float)(1 / sqrt((double)variance[j] + (double)c->t->at.number[0]));
    }
}

static void norm_forward(const call *c)
{
    norm_view v = view_of(c);
    if (is_settled(c->t))
        running_statistics(c, &v);
    else
        batch_statistics(c, &v);
    for (int j = 0; j < c->t->s.c; j++) {
        v.slope[j] = c->x[GAMMA][j] * v.inverse[j];
        v.shift[j] = c->x[BETA][j] - v.slope[j] * v.mean[j];
    }
    over_rows(c, forward_chunk, NULL);
}

/* Computes Σdy and Σdy·x̂ of each channel from Σdy and Σdy·x. */
static void gradient_sums(const call *c, const norm_view *v, double *sum, double *product)
{
    size_t p = padded(c->t);
    column_sums_call s = {.rows = rows_of(c->t), .columns = (size_t)c->t->s.c, .a = c->dy, .b = c->x[X]};
    s.sum_a = sum;
    s.sum_ab = product;
    column_sums(c->team, &s, c->work + 7 * p);
    for (int j = 0; j < c->t->s.c; j++)
        product[j] = (double)v->inverse[j] * (product[j] - (double)v->mean[j] * sum[j]);
}

static void put_column(float *d, const double *values, int n, bool add)
{
    for (int j = 0; d && j < n; j++)
        d[j] = (add ? d[j] : 0) + (float)values[j];
}

static void norm_backward(const call *c)
{
    norm_view v = view_of(c);
    size_t p = padded(c->t);
    double *sum = (double *)(void *)c->work, *product = sum + p;
    float *of_dy = c->work + 4 * p, *of_x = of_dy + p, *constant = of_x + p;
    bool by_batch = !is_settled(c->t);
    if (by_batch || c->dx[GAMMA] || c->dx[BETA])
        gradient_sums(c, &v, sum, product);
    put_column(c->dx[BETA], sum, c->t->s.c, c->add[BETA]);
    put_column(c->dx[GAMMA], product, c->t->s.c, c->add[GAMMA]);
    if (!c->dx[X])
        return;
    /* dx = γ/√(v+ε)·[dy - Σdy/M - x̂·Σ(dy·x̂)/M], as a map affine in dy and x. */
    double rows = (double)rows_of(c->t);
    for (int j = 0; j < c->t->s.c; j++) {
        double along = by_batch ? -(double)v.slope[j] * product[j] / rows * (double)v.inverse[j] : 0;
        of_dy[j] = v.slope[j];
        of_x[j] = (float)along;
        constant[j] = by_batch ? (float)(-(double)v.slope[j] * sum[j] / rows - along * (double)v.mean[j]) : 0;
    }
    over_rows(c, backward_chunk, of_dy);
}

static const op op_norm = {.name = "batch_norm",
                           .forward = norm_forward,
                           .backward = norm_backward,
                           .reads = {1 << X | 1 << GAMMA, 1 << X, 0},
                           .reads_aux = true,
                           .in_place = true,
                           .aux = norm_aux,
                           .work = norm_work};

tensor *op_norm_record(tensor *x, tensor *gamma, tensor *beta, const attributes *at, const net *owner)
{
    if (!x->graph->score && !at->is_settled && x->s.n * x->s.h * x->s.w < 2)
        graph_fail(x->graph, "batch_norm", "a batch of one 1×1 map has no variance");
    tensor *t = graph_record(x->graph, &op_norm, x->s, (tensor *[]){x, gamma, beta}, 3);
    bool score = t->at.score;
    t->at = *at;
    t->at.score = score;
    t->owner = owner;
    return t;
}
