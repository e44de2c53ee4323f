/* SPDX-License-Identifier: MIT */
/*
 * scorer.h — a finished model, ready to score images. Used by one thread at a time.
 * An image's score has the same bits alone and at any place of any batch.
 */
#ifndef ANOMALYD_TRAIN_SCORER_H
#define ANOMALYD_TRAIN_SCORER_H

#include "data/image.h"
#include "methods/method.h"
#include "train/explain.h"

typedef struct scorer scorer;

typedef struct scorer_facts {
    const method *method;
    shape data;  /* images the model was trained on (n not read) */
    shape input; /* what its networks take */
    size_t parameters;
    size_t bytes; /* resident, with what the first explanation will add */
    size_t calibration_count;
    double error_scale; /* of heat maps: see explain.h; 0: the file has none */
    const char *digest; /* of the model file */
} scorer_facts;

/* From a model file's bytes (borrowed for the scorer's life). Borrows the team. Scores one tile before it returns, so
 * that it is warm. */
scorer *scorer_open(const void *bytes, size_t size, team *t, error *e);
void scorer_free(scorer *s);
const scorer_facts *scorer_describe(const scorer *s);
/* A `key = value` of the model file's header ("dataset", "protocol", "class", "seed", …), or NULL. */
const char *scorer_text(const scorer *s, const char *key);

/* Scores n images of any size and channel count. */
bool scorer_run(scorer *s, const image *images, size_t n, float *scores, error *e);

/* False, with ERROR_UNSUPPORTED and the reason, when the model cannot explain its scores by such pictures. */
bool scorer_explains(const scorer *s, enum explanation kind, error *e);
/* As scorer_run, with pictures of each image, all from one pass: n of each kind that has a place in `pictures`, which
 * is NULL for EXPLAIN_NONE and whatever the model does not explain by. They have the extent of the training data: the
 * reconstruction with its channels, the heat map in colour. Each is the same in any company. They are the caller's, to
 * be freed with image_free; there are none when it fails. */
bool scorer_explain(scorer *s, const image *images, size_t n, float *scores, image *const pictures[EXPLANATIONS],
                    error *e);

/* Against the held-out normals kept with the model. False when it has too few: `out` untouched. */
bool scorer_p_value(const scorer *s, float score, double *out);
bool scorer_percentile(const scorer *s, float score, double *out); /* share of calibration scores below, in percent */
bool scorer_threshold(const scorer *s, double false_alarm_rate, float *out);

#endif
