/* SPDX-License-Identifier: MIT */
/* ops_table.h — one record an operation: how to record it, at which shapes, and what it computes, written naively. */
#ifndef ANOMALYD_TESTS_OPS_TABLE_H
#define ANOMALYD_TESTS_OPS_TABLE_H

#include "nn/internal.h"

/* What a record's functions see: two inputs and a net for layers. */
typedef struct op_case {
    graph *g;
    net *n;
    tensor *a, *b;
    const float *a_values, *b_values;
    shape a_shape, b_shape, y_shape;
} op_case;

typedef struct place {
    int n, h, w, c;
} place;

typedef struct op_record {
    const char *op;   /* the operation's name in its record */
    const char *what; /* what is special about this case */
    shape a, b;       /* b.n = 0: one input */
    tensor *(*build)(const op_case *k);
    double (*value)(const op_case *k, place at); /* NULL: a draw, whose values have no formula */
    bool has_net, constant, positive, settles;   /* settles: run until its statistics have converged */
    bool score;                                  /* recorded in a SCORE graph */
} op_record;

extern const op_record op_records[];
extern const int op_record_count;

#endif
