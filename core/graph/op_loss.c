/* SPDX-License-Identifier: MIT */
/* op_loss.c — losses: L1, L2, binary cross-entropy of logits, and weighted sums of losses. They are means over batch
 * and elements. */
#include "base/simd.h"
#include "graph/graph.h"

#include <math.h>

typedef double part_loss(const float *a, const float *b, size_t n, float label);
typedef void part_slope(float *dx, const float *a, const float *b, size_t n, float k, bool add);

/* A loss of pairs: its sum over a range, and the derivative with respect to a (with respect to b it is the opposite).
 */
typedef struct loss_op {
    op op;
    part_loss *sum;
    part_slope *slope;
} loss_op;

SIMD_CLONES static double l1_sum(const float *a, const float *b, size_t n, float label)
{
    (void)label;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)(a[i] - b[i]));
    return sum;
}

SIMD_CLONES static double l2_sum(const float *a, const float *b, size_t n, float label)
{
    (void)label;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

SIMD_CLONES static void l1_slope(float *dx, const float *a, const float *b, size_t n, float k, bool add)
{
    for (size_t i = 0; i < n; i++) {
        float d = a[i] - b[i];
        dx[i] = (add ? dx[i] : 0) + (d > 0 ? k : d < 0 ? -k : 0);
    }
}

SIMD_CLONES static void l2_slope(float *dx, const float *a, const float *b, size_t n, float k, bool add)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = (add ? dx[i] : 0) + 2 * k * (a[i] - b[i]);
}

static double bce_sum(const float *l, const float *unused, size_t n, float label)
{
    (void)unused;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double logit = l[i];
        sum += fmax(logit, 0) - logit * (double)label + log1p(exp(-fabs(logit)));
    }
    return sum;
}

typedef struct loss_job {
    const call *c;
    const loss_op *o;
    size_t count;
    int chunks;
    double partial[MAP_CHUNKS_MAX];
} loss_job;

static loss_job job_of(const call *c)
{
    size_t count = shape_size(c->t->source[0]->s);
    return (loss_job){.c = c, .o = (const loss_op *)c->t->op, .count = count, .chunks = map_chunks(count)};
}

static void loss_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    loss_job *j = context;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    const float *b = j->c->x[1] ? j->c->x[1] + first : NULL;
    j->partial[chunk] = j->o->sum(j->c->x[0] + first, b, last - first, j->c->t->at.number[0]);
}

static void loss_forward(const call *c)
{
    loss_job j = job_of(c);
    team_run(c->team, j.chunks, loss_chunk, &j);
    double sum = 0;
    for (int i = 0; i < j.chunks; i++)
        sum += j.partial[i];
    c->y[0] = (float)(sum / (double)j.count);
}

static void slope_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const loss_job *j = context;
    const call *c = j->c;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    float k = c->dy[0] / (float)j->count;
    for (int i = 1; i >= 0; i--)
        if (c->dx[i])
            j->o->slope(c->dx[i] + first, c->x[0] + first, c->x[1] + first, last - first, i ? -k : k, c->add[i]);
}

static void pair_backward(const call *c)
{
    loss_job j = job_of(c);
    team_run(c->team, j.chunks, slope_chunk, &j);
}

static void bce_backward(const call *c)
{
    size_t count = shape_size(c->t->source[0]->s);
    float k = c->dy[0] / (float)count, label = c->t->at.number[0];
    for (size_t i = 0; c->dx[0] && i < count; i++) {
        float probability = 1 / (1 + expf(-c->x[0][i]));
        c->dx[0][i] = (c->add[0] ? c->dx[0][i] : 0) + k * (probability - label);
    }
}

static const loss_op op_l1 = {.op = {.name = "l1", .forward = loss_forward, .backward = pair_backward, .reads = {3, 3}},
                              .sum = l1_sum,
                              .slope = l1_slope};
static const loss_op op_l2 = {.op = {.name = "l2", .forward = loss_forward, .backward = pair_backward, .reads = {3, 3}},
                              .sum = l2_sum,
                              .slope = l2_slope};
static const loss_op op_bce = {.op = {.name = "bce", .forward = loss_forward, .backward = bce_backward, .reads = {1}},
                               .sum = bce_sum};

static const shape single = {1, 1, 1, 1};

static tensor *record_pair(const loss_op *o, tensor *a, tensor *b)
{
    if (!shape_equal(a->s, b->s)) {
        graph_fail(a->graph, o->op.name, "%d×%d×%d×%d against %d×%d×%d×%d", a->s.n, a->s.h, a->s.w, a->s.c, b->s.n,
                   b->s.h, b->s.w, b->s.c);
        b = a;
    }
    return graph_record(a->graph, &o->op, single, (tensor *[]){a, b}, 2);
}

tensor *t_l1(tensor *a, tensor *b)
{
    return record_pair(&op_l1, a, b);
}

tensor *t_l2(tensor *a, tensor *b)
{
    return record_pair(&op_l2, a, b);
}

tensor *t_bce(tensor *logits, float label)
{
    if (!(label >= 0 && label <= 1))
        graph_fail(logits->graph, "bce", "label %g is not in [0, 1]", (double)label);
    tensor *t = graph_record(logits->graph, &op_bce.op, single, &logits, 1);
    t->at.number[0] = label;
    return t;
}

static void blend_forward(const call *c)
{
    double sum = 0;
    for (int i = 0; i < c->t->source_count; i++)
        sum += (double)c->t->at.weights[i] * (double)c->x[i][0];
    c->y[0] = (float)sum;
}

static void blend_backward(const call *c)
{
    for (int i = c->t->source_count - 1; i >= 0; i--)
        if (c->dx[i])
            c->dx[i][0] = (c->add[i] ? c->dx[i][0] : 0) + c->t->at.weights[i] * c->dy[0];
}

static const op op_blend = {.name = "blend", .forward = blend_forward, .backward = blend_backward};

tensor *t_blend(const struct blend_term *terms, int count)
{
    tensor *sources[OP_SOURCES_MAX] = {NULL};
    graph *g = terms[0].loss->graph;
    if (count > OP_SOURCES_MAX) {
        graph_fail(g, "blend", "%d terms; at most %d", count, OP_SOURCES_MAX);
        count = OP_SOURCES_MAX;
    }
    for (int i = 0; i < count; i++) {
        sources[i] = terms[i].loss;
        if (shape_size(sources[i]->s) != 1)
            graph_fail(g, "blend", "term %d is not a single number", i + 1);
    }
    tensor *t = graph_record(g, &op_blend, single, sources, count);
    for (int i = 0; i < count; i++)
        t->at.weights[i] = terms[i].weight;
    return t;
}
