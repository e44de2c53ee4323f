/* SPDX-License-Identifier: MIT */
/* program_internal.h — the inside of a compiled program: compile.c builds it, program.c runs it. */
#ifndef ANOMALYD_GRAPH_PROGRAM_INTERNAL_H
#define ANOMALYD_GRAPH_PROGRAM_INTERNAL_H

#include "graph/graph.h"

typedef struct program_step {
    const op *op;
    bool backward;
    int objective;
    call call;
    float *seed; /* first step of an objective: where the loss's gradient of 1 goes */
    double seconds;
} program_step;

/* The things one objective moves. */
typedef struct update {
    optim *optim;
    int slots[NET_PARAMS_MAX * 2];
    int count;
    double seconds;
} update;

struct program {
    graph *graph;
    program_step *steps;
    int step_count, forward_count;
    float *memory;
    size_t floats, floats_unshared;
    update updates[GRAPH_OBJECTIVES_MAX];
    tensor *outputs[GRAPH_TENSORS_MAX];
    const float *output_values[GRAPH_TENSORS_MAX];
    int output_count;
    bool profiling;
    bool moves_nets; /* a run changes weights or statistics */
    uint64_t runs, runs_profiled;
};

void program_free(program *p);

#endif
