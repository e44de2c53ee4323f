/* SPDX-License-Identifier: MIT */
/* tally.h — the losses and spreads of the epoch under way, by name: what each was in the last step, and their sums.
 * Private to train. */
#ifndef ANOMALYD_TRAIN_TALLY_H
#define ANOMALYD_TRAIN_TALLY_H

#include "train/context.h"

typedef struct tally {
    const char *names[TRAIN_VALUES_MAX]; /* borrowed from the programs */
    double latest[TRAIN_VALUES_MAX];     /* of the last step; NaN where its program did not run then */
    double sums[TRAIN_VALUES_MAX];
    uint64_t runs[TRAIN_VALUES_MAX]; /* how often its program had run when it was last looked at */
    int count;
    uint64_t steps;     /* made; an epoch that has all of its steps is still to be judged */
    double data_spread; /* of the training images; 0: they are all the same */
} tally;

/* Measures the spread of the training images, of which a tallied spread is a share: the mean distance of n rows from
 * their mean. */
bool tally_measure(tally *t, const float *rows, size_t n, size_t row, error *e);
/* Begins anew with the values that these programs have, a NULL-terminated list. */
void tally_begin(tally *t, program *const *programs);
void tally_begin_epoch(tally *t);

/* Adds the values of step number `step`. A program that did not run in this step adds none. ERROR_DIVERGED when one is
 * not finite. */
bool tally_step(tally *t, const train_context *c, program *const *programs, uint64_t step, error *e);
/* Adds the means so far to an event; between epochs there are none. */
void tally_report(const tally *t, train_event *ev);

bool tally_is_spread(const char *name);

void tally_put(const tally *t, bundle *b);
/* steps_max: of an epoch. */
bool tally_get(tally *t, const bundle *b, uint64_t steps_max, error *e);

#endif
