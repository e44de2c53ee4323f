/* SPDX-License-Identifier: MIT */
/*
 * bench_floor.h — the floor of a step's time: what its matrix products take when OpenBLAS does them one by one, on
 * operands that lie ready in the cache, on every core at once. What a step takes beyond it is lowering, the other
 * operations, and waiting.
 */
#ifndef ANOMALYD_DAEMON_CLI_BENCH_FLOOR_H
#define ANOMALYD_DAEMON_CLI_BENCH_FLOOR_H

#include "graph/program.h"

#include <jansson.h>

enum { FLOOR_SHAPES_MAX = 128 };

typedef struct floor_shape {
    conv_product product; /* the long extent cut to what fits a core's cache */
    double flops;         /* of all products of this shape in a step */
    double rate;          /* FLOP/s, all threads together */
} floor_shape;

typedef struct step_floor {
    floor_shape shapes[FLOOR_SHAPES_MAX];
    int count;
    double flops, seconds; /* of a step */
} step_floor;

/* Adds the products of a program that runs `runs` times in a step. Products beyond FLOOR_SHAPES_MAX shapes count as the
 * last one's. */
void floor_add(step_floor *f, const program *p, double runs);

/* Measures every shape, each for `seconds`, on all threads of the team. */
bool floor_measure(step_floor *f, team *t, double seconds, error *e);

/* An array of {"m", "n", "k", "transposed", "mflop", "gflop_per_s"}. Returns new; NULL when out of memory. */
json_t *floor_json(const step_floor *f);

#endif
