/* SPDX-License-Identifier: MIT */
/* scoring.h — scores images of the data set for a run: cancelled with it, and reporting how far it is. Private to
 * train. */
#ifndef ANOMALYD_TRAIN_SCORING_H
#define ANOMALYD_TRAIN_SCORING_H

#include "train/context.h"
#include "train/scores.h"

typedef struct scoring {
    const train_context *context;
    evaluator *by;
    /* Of the finished model: images scored and to score, once for each member. `all` 0: nothing is reported. */
    uint64_t done, all;
    double start_s, event_s; /* when it began and last reported */
} scoring;

/* Scores by an evaluator, which it borrows; reports nothing. */
scoring scoring_by(const train_context *c, evaluator *by);
/* From here on reports how many of `images` are scored by each of the model's members; the last report says all. */
void scoring_start(scoring *s, size_t images);

/* Images that are prepared and scored at once. `by` is NULL where a closed form is not fitted yet. */
size_t scoring_window(const train_context *c, const evaluator *by);
/* evaluator_run; a search ends with ERROR_CANCELLED when the run is cancelled. */
bool scoring_rows(scoring *s, const float *rows, size_t n, const scored_rows *out, error *e);
/* Scores n images of the data set, a window at a time, and finds the complexity of each (NULL: not wanted). */
bool scoring_images(scoring *s, const uint32_t *indices, size_t n, const scored_rows *out, float *complexity, error *e);
/* Finds all scores of as many images as the set has room for. */
bool scoring_set(scoring *s, const uint32_t *indices, score_set *found, error *e);

#endif
