/* SPDX-License-Identifier: MIT */
/*
 * prepare.h — what a method is given: its options and the images. Training and serving prepare images by the same
 * function. Knows methods only through method.h. Private to train.
 */
#ifndef ANOMALYD_TRAIN_PREPARE_H
#define ANOMALYD_TRAIN_PREPARE_H

#include "data/image.h"
#include "methods/method.h"

/* A method's struct with its options at their presets. Returns new; free with method_state_free. */
void *method_state_new(const method *m, error *e);
/* The same with the options of `options`, a struct of the method that nothing was built or made ready with yet. Returns
 * new. */
void *method_state_copy(const method *m, const void *options, error *e);
void method_state_free(const method *m, void *self);
/* How many networks are trained and score together; 1 of a closed form. */
int method_members(const method *m, const struct method_state *state);
/* What the method's networks take for images of that shape, checked; n is 1. */
bool method_input(const method *m, const void *self, shape data, shape *input, error *e);

/* How images become rows of a method's input: values in [0, 1] or [-1, 1], as the method wants them. */
typedef struct preparation {
    const method *method;
    shape data;  /* the training images */
    shape input; /* what the networks take; n is 1 in both */
} preparation;

/* Makes a row of one image, h×w×c bytes of shape `from`. An image of another extent than the training images is first
 * brought to theirs, so that it is as sharp or as soft as what the model has seen. `work` has prepare_work floats. */
void prepare_image(const preparation *p, const uint8_t *pixels, shape from, float *row, float *work);
size_t prepare_work(const preparation *p, shape from);
/* Floats of an image at the training images' extent, in the input's colours. */
size_t prepare_seen(const preparation *p);
/* Brings n values of a row back to [0, 1]. */
void prepare_undo_scale(const method *m, float *row, size_t n);

/* How much there is in a prepared row to get wrong: the logarithm of its total variation in grey levels of 0 … 1, and a
 * thousandth. */
float prepare_complexity(const preparation *p, const float *row);

#endif
