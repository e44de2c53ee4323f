/* SPDX-License-Identifier: MIT */
/*
 * scores.h — every score of some images, side by side, and the refined one made of them (see eval/refine.h). Private to
 * train.
 */
#ifndef ANOMALYD_TRAIN_SCORES_H
#define ANOMALYD_TRAIN_SCORES_H

#include "eval/refine.h"
#include "train/evaluator.h"

/* The scores of n images; each array has n floats. The caller fills them. */
typedef struct score_set {
    size_t n;
    int variant_count;
    float *own; /* the method's score */
    float *variants[REFINE_COMPONENTS_MAX];
    float *complexity; /* see prepare_complexity */
} score_set;

/* Makes room for n images. Free with scores_free, also after a failure. */
bool scores_init(score_set *s, const evaluator *v, size_t n, error *e);
/* Releases what it owns. */
void scores_free(score_set *s);
/* What scores_init allocates. */
size_t scores_bytes(const evaluator *v, size_t n);

/* False where a method has too few variants to fuse; its own score then takes their place. */
bool scores_fuse(const score_set *s);
/* How many scores a refinement of that kind is made of. */
int scores_components(const score_set *s, enum refining kind);
/* Fits a refinement of that kind, not REFINE_NONE, to the scores of held-out normals. */
bool scores_fit(const score_set *held_out, enum refining kind, refinement *out, error *e);
/* The scores of that kind of the first n images. REFINE_NONE: the method's own, and r is not read. */
void scores_refine(const score_set *s, enum refining kind, const refinement *r, size_t n, float *out);

#endif
