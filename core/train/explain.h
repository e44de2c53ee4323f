/* SPDX-License-Identifier: MIT */
/*
 * explain.h — pictures of what a score is made of, from an image and its reconstruction.
 *
 * The error of a pixel is |x - x̂|, averaged over the channels, in grey levels (0 … 255). It is taken at the networks'
 * input, so that resizing adds none, and then brought to the extent of the training data. A heat map's colours run from
 * 0 to a scale that belongs to the model: the error that 99.5% of the pixels of its calibration images do not exceed.
 * It is never the largest error of one image: then every image would look equally wrong.
 */
#ifndef ANOMALYD_TRAIN_EXPLAIN_H
#define ANOMALYD_TRAIN_EXPLAIN_H

#include "data/image.h"
#include "methods/method.h"

enum explanation { EXPLAIN_NONE, EXPLAIN_RECONSTRUCTION, EXPLAIN_HEATMAP, EXPLANATIONS };

/* "none", "reconstruction", "heatmap". */
const char *explanation_name(enum explanation kind);
/* False when there is none of that name. */
bool explanation_find(const char *name, enum explanation *kind);

/* An image as the networks got it, and their reconstruction of it. */
typedef struct explain_pair {
    const method *method;
    const float *x, *x_hat; /* rows of `input` */
    shape input, data;      /* the networks' input, the training data; n not read */
} explain_pair;

/* Floats of work space of the two below. */
size_t explain_work(shape input, shape data);
/* The reconstruction as data.h×data.w×input.c bytes: values beyond black and white are clipped. */
void explain_reconstruction(const explain_pair *p, uint8_t *pixels, float *work);
/* The errors, data.h×data.w floats. */
void explain_errors(const explain_pair *p, float *errors, float *work);

/* Counts of errors, for the scale of a model. */
enum { EXPLAIN_BINS = 4096, EXPLAIN_BINS_A_LEVEL = 16 };
typedef struct explain_tally {
    uint64_t bins[EXPLAIN_BINS], total;
} explain_tally;
void explain_count(explain_tally *t, const float *errors, size_t n);
/* To a sixteenth of a grey level, above 0. The tally has errors. */
double explain_scale(const explain_tally *t);

#endif
