/* SPDX-License-Identifier: MIT */
/*
 * checkpoint.h — a run in a file, at any step of any epoch, so that the resumed run ends with the same bits as one that
 * never stopped. Private to train.
 */
#ifndef ANOMALYD_TRAIN_CHECKPOINT_H
#define ANOMALYD_TRAIN_CHECKPOINT_H

#include "train/run.h"

/* Replaces the plan's checkpoint. */
bool checkpoint_write(const run *r, error *e);

/* Restores a built run from the plan's checkpoint; *found is false, and nothing is touched, when there is none. One
 * that belongs to another plan is ERROR_CONFLICT, naming what differs. */
bool checkpoint_read(run *r, bool *found, error *e);

/* Puts what identifies the run (method, options, data set, protocol, class, seed, shares) into a bundle's header. */
void checkpoint_describe(const run *r, bundle *b);

#endif
