/* SPDX-License-Identifier: MIT */
/* internal.h — the structs of models and nets. Private to nn and its tests. */
#ifndef ANOMALYD_NN_INTERNAL_H
#define ANOMALYD_NN_INTERNAL_H

#include "graph/graph.h"
#include "graph/program_internal.h"
#include "nn/net.h"

enum { MODEL_THINGS_MAX = 64, MODEL_PREFIX_MAX = 24 };

enum param_draw { DRAW_WEIGHT, DRAW_ZERO, DRAW_ONE, DRAW_GAMMA, DRAW_DIRECTION };

struct net {
    char name[PARAM_NAME_MAX];
    model *owner;
    graph *graph;     /* of the application in progress */
    int cursor;       /* next parameter of the application in progress */
    bool keeps_stats; /* that application does not move the running statistics */
    bool frozen;      /* applications normalise by the running statistics */
    param *params[NET_PARAMS_MAX];
    int count;
    int layers[8]; /* of each kind in this application, for names */
    init_rule init;
    norm_rule norm;
    uint64_t resets; /* how often the weights were drawn afresh */
};

struct model {
    uint64_t seed;
    char prefix[MODEL_PREFIX_MAX]; /* of its names in files */
    team *team;
    net *nets[MODEL_THINGS_MAX];
    net spare; /* what model_net returns where a net could not be made; never saved nor counted */
    int net_count;
    array *arrays[MODEL_THINGS_MAX];
    int array_count;
    optim *optims[MODEL_THINGS_MAX];
    int optim_count;
    graph *graphs[MODEL_THINGS_MAX];
    program *programs[MODEL_THINGS_MAX];
    int graph_count;
    bool averaging, has_kept;
    bool swapped;    /* the average is in use, and the weights lie where it was */
    float *settling; /* work for the average's spectral norms; NULL until averaging */
    size_t settling_floats;
    uint64_t moves; /* see graph.moves */
    error failure;  /* the first failure of making things; reported by program_compile */
};

/* Allocates the averages, which begin as copies of the weights. False and *e set when out of memory. */
bool model_start_average(model *m, error *e);
/* Draws a parameter's values anew, by its rule. */
void param_reset(const net *n, param *p);

#endif
