/* SPDX-License-Identifier: MIT */
/* member.h — a network that scores, rebuilt from its weights: the only one of a model, or one of several (see joint.h).
 * Private to train. */
#ifndef ANOMALYD_TRAIN_MEMBER_H
#define ANOMALYD_TRAIN_MEMBER_H

#include "train/evaluator.h"

typedef struct member {
    void *self;
    model *model;
    evaluator *evaluator;
    int chosen_epoch; /* of its own training, from 1 */
} member;

/* All borrowed. */
typedef struct member_setup {
    const method *method;
    shape input;
    const int *batches; /* as in evaluator_setup */
    bool variants;      /* as in evaluator_setup */
    team *team;
    const bundle *weights;
    const char *prefix; /* of its names there */
} member_setup;

enum { MEMBER_PREFIX_MAX = 24 };
/* The prefix of member 0 … count-1 in a file; none where there is only one. */
void member_prefix(int index, int count, char out[MEMBER_PREFIX_MAX]);

/* Takes ownership of self, the method's struct with its options; NULL is a failure that is reported already. After a
 * failure, too, member_free must be called. */
bool member_open(member *m, void *self, const member_setup *s, error *e);
/* Releases what it owns. */
void member_free(member *m, const method *of);

#endif
