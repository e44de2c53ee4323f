/* SPDX-License-Identifier: MIT */
/*
 * collapse.h — notices a run that goes on without learning: a discriminator that has won or lost for good, or a
 * generator or decoder whose images are all the same. Knows losses and spreads by name (method.h says which), not what
 * they mean. Private to train.
 */
#ifndef ANOMALYD_TRAIN_COLLAPSE_H
#define ANOMALYD_TRAIN_COLLAPSE_H

#include "train/tally.h"

typedef struct collapse {
    /* A discriminator's loss or a spread, and for how many steps in succession it has been beyond its limits. */
    struct suspect {
        char name[64];
        bool is_spread;
        bool adds[TRAIN_VALUES_MAX]; /* which of the tally's values make it up */
        uint64_t below, above;
    } suspects[TRAIN_VALUES_MAX];
    int count;
} collapse;

/* Finds what to watch among the tally's names. */
void collapse_begin(collapse *c, const tally *t);

/* After each step, with the tally's latest values: ERROR_DIVERGED when one of them has been beyond its limit for as
 * many steps in succession as the method's options say. */
bool collapse_check(collapse *c, const train_context *of, const tally *t, uint64_t step, error *e);

/* True if any watched value is beyond its limit now. */
bool collapse_suspected(const collapse *c);

void collapse_put(const collapse *c, bundle *b);
/* steps_max: those made, of which the steps in succession are some. */
bool collapse_get(collapse *c, const bundle *b, uint64_t steps_max, error *e);

#endif
