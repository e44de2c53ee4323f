/* SPDX-License-Identifier: MIT */
/*
 * joint.h — several networks of one method, trained apart, that score as one: each member's score is brought to the
 * scale of held-out normals (see eval/refine.h), and the score is their mean. The same is done for each variant; a
 * reconstruction is the mean of theirs. What one training run missed by chance, others find. Private to train.
 */
#ifndef ANOMALYD_TRAIN_JOINT_H
#define ANOMALYD_TRAIN_JOINT_H

#include "eval/refine.h"
#include "train/evaluator.h"

enum { JOINT_SCORES_MAX = 1 + REFINE_COMPONENTS_MAX }; /* the method's own and its variants */

/* The scales of the members' scores: of the own score first, then of each variant, a component for each member. One
 * that is empty (count 0) has none, and its mean is NaN. */
typedef struct joint_scales {
    refinement of[JOINT_SCORES_MAX];
} joint_scales;

/* As count × REFINE_VALUES numbers a score, zeros for one that is empty; and back. Reading fails with ERROR_CORRUPT on
 * what joint_pack cannot make of so many scores and members. */
void joint_pack(const joint_scales *s, int scores, int count, float *values);
bool joint_unpack(const float *values, size_t size, int scores, int count, joint_scales *out, error *e);

/* Joins evaluators of the same method and options into one. Borrows the members for its life. Returns new. */
evaluator *evaluator_join(evaluator *const *members, int count, const joint_scales *scales, error *e);

#endif
