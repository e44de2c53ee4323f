/* SPDX-License-Identifier: MIT */
/*
 * checkpoint.h — a run in a file, at any step of any epoch, so that the resumed run ends with the same bits as one that
 * never stopped. Private to train.
 */
#ifndef ANOMALYD_TRAIN_CHECKPOINT_H
#define ANOMALYD_TRAIN_CHECKPOINT_H

#include "train/run.h"

/* Replaces the plan's checkpoint. While something is amiss (a collapse looms, or weights are not finite) the last one
 * from before is kept beside it. */
bool checkpoint_write(run *r, error *e);

/* After a run has come to nothing: leaves at its place the last checkpoint from before something was amiss, or none. */
void checkpoint_settle(run *r);

/* After a run has succeeded: removes what is there. */
void checkpoint_remove(const run *r);

/* bundle_get_whole of a count that an earlier program did not keep: 0 where it is absent. */
bool checkpoint_count(const bundle *b, const char *key, uint64_t most, uint64_t *out, error *e);

/* Restores a built run from the plan's checkpoint; touches nothing when there is none. One that belongs to another plan
 * is ERROR_CONFLICT, naming what differs. */
bool checkpoint_read(run *r, error *e);

/* Puts what identifies the run (method, options, data set, protocol, class, seed, shares) into a bundle's header. */
void checkpoint_describe(const run *r, bundle *b);

#endif
