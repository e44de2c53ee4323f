/* SPDX-License-Identifier: MIT */
/*
 * op_conv.c — convolution, transposed convolution and, as the same thing on 1×1 maps, the dense layer.
 * Sources: x, weights, bias (optional). The kernels are in compute/conv.h.
 */
#include "base/minmax.h"
#include "base/simd.h"
#include "compute/column_sums.h"
#include "graph/graph.h"

enum { X, W, BIAS };

/* Returns the sums that the bias's gradient needs: those of the output as a matrix of positions × channels. */
static column_sums_call bias_call(const tensor *t)
{
    shape s = t->s;
    return (column_sums_call){.rows = (size_t)s.n * (size_t)s.h * (size_t)s.w, .columns = (size_t)s.c};
}

/* Offsets in the work space of a backward pass: the kernels' own, the bias's sums, then a gradient that is to be added
 * to another. */
typedef struct layout {
    size_t sums, partial, added, all;
} layout;

static layout layout_of(const tensor *t, enum conv_pass input_pass)
{
    column_sums_call b = bias_call(t);
    layout l;
    l.sums = team_lines(max_size(conv_work(&t->at.conv, input_pass), conv_work(&t->at.conv, CONV_WEIGHT_GRADIENT)));
    l.partial = l.sums + (t->source_count > BIAS ? team_lines(2 * b.columns) : 0);
    l.added = l.partial + (t->source_count > BIAS ? team_lines(column_sums_work(b.rows, b.columns)) : 0);
    l.all = l.added + (input_pass == CONV_FORWARD ? shape_size(t->source[X]->s) : 0);
    return l;
}

static void bias_backward(const call *c, const layout *l)
{
    if (c->t->source_count <= BIAS || !c->dx[BIAS])
        return;
    column_sums_call b = bias_call(c->t);
    b.a = c->dy;
    b.sum_a = (double *)(void *)(c->work + l->sums);
    column_sums(c->team, &b, c->work + l->partial);
    for (size_t j = 0; j < b.columns; j++)
        c->dx[BIAS][j] = (c->add[BIAS] ? c->dx[BIAS][j] : 0) + (float)b.sum_a[j];
}

static const float *bias_of(const call *c)
{
    return c->t->source_count > BIAS ? c->x[BIAS] : NULL;
}

static void conv_op_forward(const call *c)
{
    conv_forward(c->team, &c->t->at.conv, c->x[X], c->x[W], bias_of(c), c->y, c->work);
}

static void conv_op_backward(const call *c)
{
    layout l = layout_of(c->t, CONV_INPUT_GRADIENT);
    bias_backward(c, &l);
    if (c->dx[W])
        conv_weight_gradient(c->team, &c->t->at.conv, c->x[X], c->dy, c->dx[W], c->add[W], c->work);
    if (c->dx[X])
        conv_input_gradient(c->team, &c->t->at.conv, c->dy, c->x[W], NULL, c->dx[X], c->add[X], c->work);
}

static size_t conv_op_work(const tensor *t, bool backward)
{
    return backward ? layout_of(t, CONV_INPUT_GRADIENT).all : conv_work(&t->at.conv, CONV_FORWARD);
}

static void deconv_op_forward(const call *c)
{
    conv_input_gradient(c->team, &c->t->at.conv, c->x[X], c->x[W], bias_of(c), c->y, false, c->work);
}

SIMD_CLONES static void add_to(float *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void deconv_op_backward(const call *c)
{
    layout l = layout_of(c->t, CONV_FORWARD);
    bias_backward(c, &l);
    if (c->dx[W])
        conv_weight_gradient(c->team, &c->t->at.conv, c->dy, c->x[X], c->dx[W], c->add[W], c->work);
    if (!c->dx[X])
        return;
    float *dx = c->add[X] ? c->work + l.added : c->dx[X];
    conv_forward(c->team, &c->t->at.conv, c->dy, c->x[W], NULL, dx, c->work);
    if (c->add[X])
        add_to(c->dx[X], dx, shape_size(c->t->source[X]->s));
}

static size_t deconv_op_work(const tensor *t, bool backward)
{
    return backward ? layout_of(t, CONV_FORWARD).all : conv_work(&t->at.conv, CONV_INPUT_GRADIENT);
}

static size_t conv_op_scratch(const tensor *t)
{
    size_t a = conv_scratch(&t->at.conv, CONV_FORWARD), b = conv_scratch(&t->at.conv, CONV_INPUT_GRADIENT);
    return max_size(max_size(a, b), conv_scratch(&t->at.conv, CONV_WEIGHT_GRADIENT));
}

static double conv_op_flops(const tensor *t)
{
    return 2 * conv_macs(&t->at.conv);
}

static conv_product conv_op_product(const tensor *t, int by)
{
    return conv_product_of(&t->at.conv, by == OP_FORWARD ? CONV_FORWARD
                                        : by == W        ? CONV_WEIGHT_GRADIENT
                                                         : CONV_INPUT_GRADIENT);
}

static conv_product deconv_op_product(const tensor *t, int by)
{
    return conv_product_of(&t->at.conv, by == OP_FORWARD ? CONV_INPUT_GRADIENT
                                        : by == W        ? CONV_WEIGHT_GRADIENT
                                                         : CONV_FORWARD);
}

static const op op_conv = {.name = "conv",
                           .forward = conv_op_forward,
                           .backward = conv_op_backward,
                           .reads = {[X] = 1 << W, [W] = 1 << X},
                           .work = conv_op_work,
                           .scratch = conv_op_scratch,
                           .flops = conv_op_flops,
                           .product = conv_op_product};
static const op op_deconv = {.name = "deconv",
                             .forward = deconv_op_forward,
                             .backward = deconv_op_backward,
                             .reads = {[X] = 1 << W, [W] = 1 << X},
                             .work = deconv_op_work,
                             .scratch = conv_op_scratch,
                             .flops = conv_op_flops,
                             .product = deconv_op_product};

static tensor *record(const op *o, shape s, tensor *const *sources, const conv_geometry *g)
{
    tensor *t = graph_record(sources[X]->graph, o, s, sources, sources[BIAS] ? 3 : 2);
    t->at.conv = *g;
    t->at.conv.fixed_tiles = t->graph->score;
    return t;
}

tensor *op_conv_record(tensor *x, tensor *w, tensor *bias, const conv_geometry *g)
{
    return record(&op_conv, (shape){g->n, g->oh, g->ow, g->oc}, (tensor *[]){x, w, bias}, g);
}

tensor *op_deconv_record(tensor *x, tensor *w, tensor *bias, const conv_geometry *g)
{
    return record(&op_deconv, (shape){g->n, g->h, g->w, g->c}, (tensor *[]){x, w, bias}, g);
}
