/* SPDX-License-Identifier: MIT */
/*
 * learner.h — the member under way: its networks and programs, and how far it has learned. A neural method learns in
 * steps (learner_steps.c), a closed form is fitted at once (learner_fit.c). Private to train.
 */
#ifndef ANOMALYD_TRAIN_LEARNER_H
#define ANOMALYD_TRAIN_LEARNER_H

#include "train/checkpoint.h"
#include "train/collapse.h"
#include "train/selection.h"

#include <stdio.h>

typedef struct learner learner;

/* A way to learn. All but `learn` and `print` may be NULL: there is nothing to do, or nothing to count. */
typedef struct learner_kind {
    /* Builds what learns, in the member's model. */
    bool (*build)(learner *l, error *e);
    /* Prepares what all members learn from, and resumes from the checkpoint where there is one. */
    bool (*start)(learner *l, checkpoint *c, error *e);
    /* Learns until the member has its weights and its evaluator. */
    bool (*learn)(learner *l, checkpoint *c, error *e);
    size_t (*program_bytes)(const learner *l); /* of the training programs, and of copies of weights yet to be made */
    size_t (*fit_bytes)(const learner *l);     /* that fitting allocates */
    /* Prints what was built. */
    bool (*print)(learner *l, FILE *out, error *e);
} learner_kind;

extern const learner_kind learner_steps, learner_fit;

struct learner {
    const train_context *context;
    const learner_kind *kind;

    /* The member under way. NULL before learner_begin and after learner_end. */
    void *self;
    struct method_state *state; /* the head of self */
    model *model;
    evaluator *evaluator; /* of a closed form, once it is fitted */
    array *batch;
    uint64_t seed;        /* of its weights, dropout and order of images */
    uint64_t from, until; /* its first step, and the one after its last */

    uint64_t step; /* of all members: the next to make */
    double train_s;
    tally tally;
    collapse collapse;
    selection selection;
    float *rows;     /* the training images, prepared */
    uint32_t *order; /* of them in the epoch under way */
};

/* The seed of member 0, 1, …. The first has the run's own, so that alone it learns what it would. */
uint64_t learner_seed(uint64_t seed, int index);

/* Borrows the context. Free with learner_free, also after failures of what follows. */
learner learner_of(const train_context *c);
/* Begins with member `index`, in place of the one before. */
bool learner_begin(learner *l, int index, error *e);
/* See learner_kind. */
bool learner_start(learner *l, checkpoint *c, error *e);
bool learner_learn(learner *l, checkpoint *c, error *e);
/* Releases what the member under way learns with. */
void learner_end(learner *l);
/* Releases what it owns. */
void learner_free(learner *l);

/* Makes the evaluator of the member's weights. */
bool learner_make_evaluator(learner *l, error *e);
/* Of the member that has learned, in its own epochs from 1; 0 of a closed form. */
int learner_chosen_epoch(const learner *l);

/* The learner's record in checkpoints. The member under way must have begun. */
void learner_put(const void *l, bundle *b);
bool learner_get(void *l, const bundle *b, error *e);
bool learner_is_good(const void *l);

#endif
