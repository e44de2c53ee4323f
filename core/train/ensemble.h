/* SPDX-License-Identifier: MIT */
/*
 * ensemble.h — the members of a run (option `members`): each is trained as if alone, with a seed of its own, on the
 * same images; then it is kept as weights and a scoring program while the next one learns. A run of one member has an
 * ensemble too, which keeps nothing and is the learner. Private to train.
 */
#ifndef ANOMALYD_TRAIN_ENSEMBLE_H
#define ANOMALYD_TRAIN_ENSEMBLE_H

#include "train/learner.h"
#include "train/member.h"

typedef struct ensemble {
    const train_context *context;
    learner *learner;         /* borrowed */
    member kept[MEMBERS_MAX]; /* those of several that have learned */
    int count;
    size_t parameters; /* of each of several, with the nets that only learning uses */
    joint_scales scales;
    evaluator *joined; /* of several that have all learned */
} ensemble;

/* Borrows the learner. Free with ensemble_free. */
ensemble ensemble_of(learner *l);
/* Releases what it owns. */
void ensemble_free(ensemble *n);

/* Learns until all members have their weights, and the ensemble its evaluator. */
bool ensemble_learn(ensemble *n, checkpoint *c, error *e);

/* What was learned. The evaluator is borrowed from the ensemble or its learner. */
evaluator *ensemble_evaluator(const ensemble *n);
int ensemble_chosen_epoch(const ensemble *n); /* of the first member */
size_t ensemble_parameters(const ensemble *n);
void ensemble_digest(const ensemble *n, char out[65]);
/* Puts the weights into a model's file, and their scales into its header. */
void ensemble_write(const ensemble *n, bundle *b, header *h);

/* What the kept members will take at most; 0 of a run of one. */
size_t ensemble_bytes(const ensemble *n);

/* The ensemble's record in checkpoints. Reading begins with the member that the checkpoint is in the middle of. */
void ensemble_put(const void *n, bundle *b);
bool ensemble_get(void *n, const bundle *b, error *e);

#endif
