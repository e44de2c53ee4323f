/* SPDX-License-Identifier: MIT */
/*
 * graph.h — the inside of graphs, operations and programs. Internal to graph and nn.
 *
 * An operation is one const record in the file of its kernel. Creation order is topological order, for a
 * tensor cannot be made before its sources.
 */
#ifndef ANOMALYD_GRAPH_GRAPH_H
#define ANOMALYD_GRAPH_GRAPH_H

#include "base/random.h"
#include "base/team.h"
#include "compute/conv.h"
#include "graph/optim.h"
#include "graph/param.h"

enum { OP_SOURCES_MAX = 8, GRAPH_TENSORS_MAX = 2048, GRAPH_OBJECTIVES_MAX = 8, OBJECTIVE_NETS_MAX = 8 };

/* One use of an operation with all addresses, as its kernel gets it. */
typedef struct call {
    const tensor *t;
    team *team;
    uint64_t step; /* counter of random draws */
    float *y;
    const float *x[OP_SOURCES_MAX];
    float *aux;  /* forward writes it, backward reads it */
    float *work; /* work space of this call, which the workers share */
    const float *dy;
    float *dx[OP_SOURCES_MAX]; /* NULL: not wanted */
    bool add[OP_SOURCES_MAX];  /* add to what dx holds, else overwrite */
} call;

typedef struct op {
    const char *name;
    void (*forward)(const call *c);
    void (*backward)(const call *c); /* NULL: a constant for every objective */
    unsigned reads[OP_SOURCES_MAX];  /* bit j of reads[i]: dx[i] needs the value of source j */
    bool reads_y, reads_aux;         /* backward needs its own value, or aux */
    bool in_place;                   /* forward may write y over x[0]; backward dx[0] over dy */
    bool is_view;                    /* y is x[0] under another shape: no forward at all */
    size_t (*aux)(const tensor *t);  /* floats; NULL: none */
    size_t (*work)(const tensor *t, bool backward);
    size_t (*scratch)(const tensor *t); /* of each worker */
    double (*flops)(const tensor *t);   /* of the forward pass, and of the gradient by each source but a bias */
    conv_product (*product)(const tensor *t, int by); /* of the gradient by source `by`; OP_FORWARD: forward */
} op;
enum { OP_FORWARD = -1 };

/* What distinguishes one use of an operation from another. */
typedef struct attributes {
    float number[2];
    int integer[2];
    float weights[OP_SOURCES_MAX];
    conv_geometry conv;
    random_key key;
    param *statistic[2];   /* running mean and variance; or the power-iteration vector */
    bool moves_statistics; /* set by program_compile: an objective trains the owner */
    bool holds_statistics; /* keeps them from moving even then */
    bool score;            /* recorded in a SCORE graph */
    bool is_settled;       /* normalises by the running statistics, though recorded in a TRAIN graph */
    bool biased;
} attributes;

struct tensor {
    graph *graph;
    const op *op;
    tensor *source[OP_SOURCES_MAX];
    int source_count;
    int index;
    shape s;
    array *array;     /* of a leaf */
    param *param;     /* of a weight */
    const net *owner; /* the net whose weights or statistics it uses */
    attributes at;
    const char *output; /* name under which it is readable, or NULL */
};

typedef struct objective {
    tensor *loss;
    net *nets[OBJECTIVE_NETS_MAX + 1];
    array *at;
    optim *optim;
} objective;

struct graph {
    tensor *tensors[GRAPH_TENSORS_MAX];
    int count;
    objective objectives[GRAPH_OBJECTIVES_MAX];
    int objective_count;
    bool score;
    int ordinal; /* within the model: part of the keys of random draws */
    uint64_t seed;
    team *team;
    error failure;                         /* the first error of recording */
    const error *making;                   /* of the model: the first failure of making what is recorded */
    tensor spare;                          /* stands in for tensors that could not be recorded */
    const char *(*net_name)(const net *n); /* of the model: for messages, since a graph cannot look into a net */
    program **owner;                       /* where the model keeps the program */
    uint64_t *moves; /* of the model: goes up whenever weights or statistics of its nets change; from 1 */
};

/* Records a tensor. Never returns NULL: after a failure, which the graph keeps, it returns the spare tensor. */
tensor *graph_record(graph *g, const op *o, shape s, tensor *const *sources, int count);
/* Keeps a failure, unless there was an earlier one. The message begins with the operation's name. */
void graph_fail(graph *g, const char *op_name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Keeps the failure of an allocation for `what`. */
void graph_fail_memory(graph *g, const char *what);
/* Returns the tensor of a parameter in this graph, made on first call. */
tensor *graph_param(graph *g, param *p, const net *owner);
graph *graph_new(team *t, uint64_t seed, int ordinal, bool score);
void graph_free(graph *g);

extern const op op_leaf, op_weight, op_constant;

/* Returns the number of chunks for a pass over `count` values, at most MAP_CHUNKS_MAX. It depends on the count alone.
 */
enum { MAP_CHUNKS_MAX = 8 };
int map_chunks(size_t count);
/* Finds the values *first … *last-1 of a chunk. */
void map_range(size_t count, int chunks, int chunk, size_t *first, size_t *last);

/* Layers' operations, for nn: see the kernels' files. bias may be NULL. */
tensor *op_conv_record(tensor *x, tensor *w, tensor *bias, const conv_geometry *g);
tensor *op_deconv_record(tensor *x, tensor *w, tensor *bias, const conv_geometry *g);
tensor *op_norm_record(tensor *x, tensor *gamma, tensor *beta, const attributes *at, const net *owner);
tensor *op_spectral_record(tensor *w, param *u, const net *owner);
/* The same in a SCORE graph: writes W/σ into the values of `resolved`, and only where weights have moved since. */
tensor *op_spectral_resolved(tensor *w, param *u, param *resolved);
/* Brings u (s.c values) to the leading right singular vector of the kernel w of shape s. */
void op_spectral_settle(team *t, const float *w, shape s, float *u, float *work);
size_t op_spectral_settle_work(shape s);

#endif
