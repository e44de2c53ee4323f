/* SPDX-License-Identifier: MIT */
/* plan.h — places buffers in one block of memory; buffers share memory where their lifetimes do not overlap. Knows
 * lifetimes, not mathematics. */
#ifndef ANOMALYD_GRAPH_PLAN_H
#define ANOMALYD_GRAPH_PLAN_H

#include "base/error.h"

#include <stddef.h>

typedef struct plan_buffer {
    size_t floats;
    int born, dies; /* first and last step that touches it, inclusive */
    int alias;      /* the buffer whose place it shares and whose lifetime covers its own; -1: it has its own place */
    size_t offset;  /* floats from the start of the block; set by plan_place */
} plan_buffer;

typedef struct plan {
    plan_buffer *buffers;
    int count, capacity;
    bool failed; /* out of memory while adding */
} plan;

/* Adds a buffer that is first touched at step `born`. Returns its index (0 after a failure, which plan_place reports).
 */
int plan_add(plan *p, size_t floats, int born);
/* Extends the lifetime of the buffer's place to step `time`. */
void plan_touch(plan *p, int index, int time);
/* Returns the last step of the lifetime of the buffer's place; -1 after a failure. */
int plan_last(const plan *p, int index);
/* Puts the buffer `index` into the place of `other`. */
void plan_merge(plan *p, int index, int other);
/* Gives every buffer its offset: the largest first, each in the lowest gap. With `share` false every buffer has a place
 * of its own. Sets *floats to the size of the block. */
bool plan_place(plan *p, bool share, size_t *floats, error *e);
void plan_free(plan *p);

#endif
