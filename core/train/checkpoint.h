/* SPDX-License-Identifier: MIT */
/*
 * checkpoint.h — a run in a file, at any step of any epoch, so that the resumed run ends with the same bits as one that
 * never stopped. It is handed records of functions that write and read the run's state, and knows none of its owners.
 * Private to train.
 */
#ifndef ANOMALYD_TRAIN_CHECKPOINT_H
#define ANOMALYD_TRAIN_CHECKPOINT_H

#include "train/context.h"

/* One owner's state. Records are read in their order, each after it was put by `put`. The bundle has the run's `step`
 * too, which any of them may read. */
typedef struct checkpoint_record {
    void (*put)(const void *object, bundle *b);
    bool (*get)(void *object, const bundle *b, error *e);
    /* False while something is amiss, and what is kept might never recover. NULL: never. */
    bool (*is_good)(const void *object);
    void *object;
} checkpoint_record;

/* While something is amiss, the last good checkpoint is kept beside the latest one. */
typedef struct checkpoint {
    const train_context *context;
    const checkpoint_record *records; /* borrowed */
    int count;
    uint64_t good_step; /* of the last good one; 0: there is none */
    bool good_is_aside; /* it is beside the plan's path, not there */
} checkpoint;

/* Replaces the plan's checkpoint by the state at this step. Not called of a plan without one. */
bool checkpoint_write(checkpoint *c, uint64_t step, error *e);

/* After a run has failed: leaves the last good checkpoint at the plan's path, or none. */
void checkpoint_restore_good(checkpoint *c);

/* After a run has succeeded: removes what is there. */
void checkpoint_remove(const checkpoint *c);

/* Restores a run from the plan's checkpoint; does nothing when there is none. One that belongs to another run is
 * ERROR_CONFLICT, naming what differs. */
bool checkpoint_read(checkpoint *c, error *e);

#endif
