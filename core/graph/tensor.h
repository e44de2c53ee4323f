/* SPDX-License-Identifier: MIT */
/*
 * tensor.h — recording mathematics: leaves, then equations. NHWC float32.
 *
 * A graph is an append-only list of tensors; program.h differentiates, plans and runs it. Builders never
 * return NULL and need no check: the first bad shape is kept in the graph and program_compile reports it.
 * Shapes broadcast only over n. Tensors are owned by their graph.
 */
#ifndef ANOMALYD_GRAPH_TENSOR_H
#define ANOMALYD_GRAPH_TENSOR_H

#include "base/error.h"
#include "base/shape.h"

typedef struct graph graph;
typedef struct tensor tensor;
typedef struct array array;

shape tensor_shape(const tensor *t);

/* --- leaves --- */
tensor *t_leaf(graph *g, array *a); /* the values an array holds when the program runs */
tensor *t_constant(graph *g, shape s, float value);
tensor *t_normal(graph *g, shape s);                         /* fresh draws from N(0, 1) each run */
tensor *t_uniform(graph *g, shape s, float low, float high); /* fresh draws each run */

/* --- elementwise: a and b have equal shapes, or b has n = 1 and is repeated over the batch --- */
tensor *t_add(tensor *a, tensor *b);
tensor *t_sub(tensor *a, tensor *b);
tensor *t_mul(tensor *a, tensor *b);
tensor *t_scale(tensor *a, float factor);
tensor *t_offset(tensor *a, float addend);
tensor *t_abs(tensor *a); /* derivative 0 at 0 */
tensor *t_square(tensor *a);
tensor *t_sqrt(tensor *a); /* derivative 1/(2·max(√a, 1e-12)) */
tensor *t_log(tensor *a);  /* log(max(a, 1e-30)) */
tensor *t_inverse(tensor *a);
tensor *t_relu(tensor *a);
tensor *t_leaky(tensor *a, float slope); /* max(a, slope·a); derivative slope at 0 */
tensor *t_tanh(tensor *a);
tensor *t_sigmoid(tensor *a);
tensor *t_softplus(tensor *a);            /* log(1 + e^a), stable */
tensor *t_dropout(tensor *a, float rate); /* inverted; the identity in SCORE graphs */

/* --- shape --- */
tensor *t_reshape(tensor *a, shape s);               /* same n, same h·w·c */
tensor *t_flat(tensor *a);                           /* n×1×1×(h·w·c) */
tensor *t_concat(tensor *a, tensor *b);              /* along c */
tensor *t_slice(tensor *a, int first, int channels); /* channels first … first+channels-1 */
tensor *t_upsample(tensor *a, int factor);           /* nearest neighbour */
tensor *t_max_pool(tensor *a, int window);           /* window = stride; extents must divide */
tensor *t_mean_pool(tensor *a, int window);
tensor *t_stop(tensor *a); /* a constant for every objective */

/* --- reductions --- */
tensor *t_sum(tensor *a); /* over everything: 1×1×1×1 */
tensor *t_mean(tensor *a);
tensor *t_row_sum(tensor *a); /* over h, w, c: n×1×1×1 */
tensor *t_row_mean(tensor *a);
tensor *t_row_norm(tensor *a);   /* √(Σ a² + 1e-12): n×1×1×1 */
tensor *t_batch_mean(tensor *a); /* over n: 1×h×w×c */
tensor *t_spread(tensor *a);     /* mean distance of the rows from their mean: 1×1×1×1 */

/* --- losses: means over batch and elements, 1×1×1×1 --- */
tensor *t_l1(tensor *a, tensor *b);         /* mean |a - b| */
tensor *t_l2(tensor *a, tensor *b);         /* mean (a - b)² */
tensor *t_bce(tensor *logits, float label); /* mean of max(l,0) - l·label + softplus(-|l|) */

/* A weighted sum of losses: T_BLEND({w1, loss1}, {w2, loss2}). */
struct blend_term {
    float weight;
    tensor *loss;
};
tensor *t_blend(const struct blend_term *terms, int count);
#define T_BLEND(...)                                  \
    t_blend((const struct blend_term[]){__VA_ARGS__}, \
            (int)(sizeof((const struct blend_term[]){__VA_ARGS__}) / sizeof(struct blend_term)))

/* Makes the tensor an output, readable after a run by its name. A tensor has one name at most; it is borrowed as long
 * as the graph lives. Returns a. */
tensor *t_output(tensor *a, const char *name);
/* Makes outputs whose names begin with `prefix` plain tensors again. The program then does not compute those that
 * nothing else needs. */
void graph_drop_outputs(graph *g, const char *prefix);

#endif
