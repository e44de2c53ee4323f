/* SPDX-License-Identifier: MIT */
/* calibration.h — what held-out normals tell of a model: their scores, how scores are refined, and the scale of heat
 * maps. Private to train. */
#ifndef ANOMALYD_TRAIN_CALIBRATION_H
#define ANOMALYD_TRAIN_CALIBRATION_H

#include "train/scoring.h"

typedef struct calibration {
    float *scores; /* of the run's kind, ascending */
    size_t count;
    double error_scale; /* of heat maps; 0 where nothing is reconstructed */
    /* The refinements that the held-out images allow, by enum refining. */
    bool fits[REFININGS];
    refinement refined[REFININGS];
} calibration;

/* Scores the calibration images and fits what they allow; fails where the refinement of the run's own score is not
 * among it. Without calibration images all is empty. Free with calibration_free, also after a failure. */
bool calibration_make(calibration *k, scoring *s, error *e);
/* Releases what it owns. */
void calibration_free(calibration *k);

#endif
