/* SPDX-License-Identifier: MIT */
/*
 * param.h — what outlives a graph and is shared by several: parameters, nets, arrays. Internal to graph and nn;
 * nn creates and names these, graph reads and moves their values.
 */
#ifndef ANOMALYD_GRAPH_PARAM_H
#define ANOMALYD_GRAPH_PARAM_H

#include "graph/program.h"

enum { PARAM_NAME_MAX = 48, NET_PARAMS_MAX = 128 };

/* A block of weights, or of statistics that a layer keeps (running mean, power-iteration vector). */
typedef struct param {
    char name[PARAM_NAME_MAX];
    shape s;
    float *values;
    float *gradient;        /* NULL until a program moves it */
    float *average;         /* NULL until the model is averaged */
    float *kept;            /* NULL until the model is kept */
    struct param *resolved; /* the same under its spectral norm, for SCORE graphs; NULL until one uses it */
    uint64_t resolved_at;   /* of such a one: graph.moves of the weights that it was made from */
    bool is_statistic;      /* not moved by an optimiser */
    int draw;               /* enum param_draw: how fresh values are drawn */
    int fan_in, fan_out;
} param;

struct array {
    char name[PARAM_NAME_MAX];
    shape s;
    float *values;
    float *gradient; /* NULL until a program moves it */
    bool saved;
};

/* Values that an optimiser moves, and their gradient. */
typedef struct movable {
    float *values;
    const float *gradient;
    size_t count;
    const char *name;
} movable;

/* 64-byte aligned zeroed floats; NULL when out of memory. Free with free(). */
float *floats_new(size_t count);

#endif
