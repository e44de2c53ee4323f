/* SPDX-License-Identifier: MIT */
/*
 * bench.h — what the works of `anomalyd bench` share. The floor of a step's time is what its matrix products take when
 * OpenBLAS does them one by one, on operands that lie ready in the cache, on every core at once. What a step takes
 * beyond it is lowering, the other operations, and waiting.
 */
#ifndef ANOMALYD_DAEMON_CLI_BENCH_H
#define ANOMALYD_DAEMON_CLI_BENCH_H

#include "daemon/platform/usage.h"
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

/* `anomalyd bench http`: how fast a running daemon answers POST /score. argv[0] is the work's name. Returns the
 * program's exit status. */
int bench_http(int argc, char **argv);
extern const usage bench_http_usage;

#endif
