/* SPDX-License-Identifier: MIT */
/*
 * ensemble.h — a run of several members (option `members`): each is trained as if alone, with a seed of its own, on the
 * same split; then it is kept as weights and a scoring program while the next one learns. Private to train.
 */
#ifndef ANOMALYD_TRAIN_ENSEMBLE_H
#define ANOMALYD_TRAIN_ENSEMBLE_H

#include "train/run.h"

/* Of a member's weights, dropout, order of images. The first has the run's own, so that alone it learns what it would.
 */
uint64_t ensemble_seed(uint64_t seed, int index);

/* Keeps what the member under way has learned. */
bool ensemble_retire(run *r, int chosen_epoch, error *e);
/* When all have learned: takes the last one's training down, finds the scales of all on the calibration images, and
 * makes the run's evaluator one of them all. */
bool ensemble_join(run *r, error *e);
/* What the kept ones will take at most; 0 of a run of one. */
size_t ensemble_bytes(const run *r);
void ensemble_free(run *r);

/* What the run has learned, of one member or of all. */
size_t ensemble_parameters(const run *r);
void ensemble_digest(const run *r, char out[65]);
/* Into the model's file, which borrows `packed` until it is written. */
typedef float ensemble_packed[JOINT_SCORES_MAX * MEMBERS_MAX * REFINE_VALUES];
void ensemble_write(const run *r, bundle *b, ensemble_packed packed);

/* The kept ones in checkpoints; reading begins with the one that the checkpoint is in the middle of. */
void ensemble_put(const run *r, bundle *b);
bool ensemble_get(run *r, const bundle *b, error *e);

#endif
