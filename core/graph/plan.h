/* SPDX-License-Identifier: MIT */
/* plan.h — gives buffers with lifetimes their place in one block. Knows lifetimes, not mathematics. */
#ifndef ANOMALYD_GRAPH_PLAN_H
#define ANOMALYD_GRAPH_PLAN_H

#include "base/error.h"

#include <stddef.h>

typedef struct plan_buffer {
    size_t floats;
    int born, dies; /* first and last step that touches it, inclusive */
    int alias;      /* shares the place of this buffer, which covers its lifetime; -1: has its own */
    size_t offset;  /* floats from the start of the block; set by plan_place */
} plan_buffer;

typedef struct plan {
    plan_buffer *buffers;
    int count, capacity;
    bool failed; /* out of memory while adding */
} plan;

/* Adds a buffer that lives at `born`; returns its index (0 after a failure, which plan_place reports). */
int plan_add(plan *p, size_t floats, int born);
/* Extends the life of the place of `index` to cover `time`. */
void plan_touch(plan *p, int index, int time);
/* The last time that the place of `index` lives to; -1 after a failure. */
int plan_last(const plan *p, int index);
/* Makes `index` live in the place of `other`. */
void plan_merge(plan *p, int index, int other);
/* Greedy by size, first gap; with `share` false every buffer has a place of its own. Sets *floats to the block's size.
 */
bool plan_place(plan *p, bool share, size_t *floats, error *e);
void plan_free(plan *p);

#endif
