/* SPDX-License-Identifier: MIT */
/*
 * net.h — layers. Weights belong to the net: created at a layer's first application and reused, in order,
 * at the next. net_enter starts an application, so that one architecture function serves every use.
 */
#ifndef ANOMALYD_NN_NET_H
#define ANOMALYD_NN_NET_H

#include "nn/model.h"

/* Starts an application of the net in graph g: its next layer is the first one again. */
void net_enter(net *n, graph *g);
/* The same for an application that does not move the running statistics, even where the program trains the net. It is
 * for inputs that differ from those that will be scored. */
void net_enter_keep_stats(net *n, graph *g);

/* Sets whether applications from here on are those of a finished net: its batch norms then use the running statistics
 * in TRAIN graphs too. */
void net_freeze(net *n, bool frozen);

enum init { INIT_NORMAL, INIT_GLOROT_NORMAL, INIT_GLOROT_UNIFORM, INIT_TRUNCATED_NORMAL };

/* How fresh weights are drawn. Presets: N(0, 0.02²), γ ~ N(1, 0.02²) as in DCGAN. */
typedef struct init_rule {
    enum init kind;
    float deviation;       /* of INIT_NORMAL and INIT_TRUNCATED_NORMAL */
    float gamma_deviation; /* γ ~ N(1, gamma_deviation²) */
} init_rule;
void net_init(net *n, init_rule rule);

/* Batch norm: running ← (1-momentum)·running + momentum·batch. */
typedef struct norm_rule {
    float momentum, epsilon;
    bool biased_variance; /* TensorFlow keeps the biased batch variance, PyTorch the unbiased */
} norm_rule;
void net_norm(net *n, norm_rule rule);

struct conv {
    int out, kernel, stride;
    int pad;     /* on both sides, unless same or pad_end are set */
    int pad_end; /* extra rows and columns at the end beyond pad */
    bool same;   /* TensorFlow's SAME, where it pads rows as it pads columns */
    bool bias;
    bool spectral; /* spectral norm of the kernel */
};

/* The layers. Each takes x (n×h×w×c) and returns a tensor of the same graph; a bad shape is kept in the graph as its
 * failure. */
tensor *nn_conv(net *n, tensor *x, struct conv c);
/* Transposed: out extent = (h-1)·stride + kernel - 2·pad - pad_end; with `same`, h·stride. */
tensor *nn_deconv(net *n, tensor *x, struct conv c);
tensor *nn_dense(net *n, tensor *x, struct conv c); /* reads .out, .bias, .spectral; flattens x */
tensor *nn_batch_norm(net *n, tensor *x);

#endif
