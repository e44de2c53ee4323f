/* SPDX-License-Identifier: MIT */
/*
 * evaluate.h — the one code path from an image to its score: validation, test and serving all go through here.
 * Private to train. Knows methods only through method.h.
 */
#ifndef ANOMALYD_TRAIN_EVALUATE_H
#define ANOMALYD_TRAIN_EVALUATE_H

#include "data/image.h"
#include "methods/method.h"

enum { EVALUATE_BATCHES_MAX = 8, EVALUATE_ROWS_MAX = 256 };
struct joint_scales;

typedef struct evaluator evaluator;

/* A method's struct with its options at their presets. Returns new; free with method_state_free. */
void *method_state_new(const method *m, error *e);
void method_state_free(const method *m, void *self);
/* What the method's networks take for images of that shape, checked; n is 1. */
bool method_input(const method *m, const void *self, shape data, shape *input, error *e);

/* One image as the method wants it: h×w×c bytes of shape `from` to a row of `input`, in [0, 1] or [-1, 1]. `work` has
 * image_work(from, input) floats. */
void evaluate_prepare(const method *m, const uint8_t *pixels, shape from, shape input, float *row, float *work);
/* Brings values in [0, 1] to the method's range. */
void evaluate_scale(const method *m, float *row, size_t n);
/* And back. */
void evaluate_unscale(const method *m, float *row, size_t n);

/* How much there is in a prepared row to get wrong: the logarithm of its total variation in grey levels of 0 … 1, and a
 * thousandth. */
float evaluate_complexity(const method *m, const float *row, shape input);

/* What is to be scored with; all borrowed. */
typedef struct evaluator_setup {
    const method *method;
    void *self;
    model *model;
    shape input;
    const int *batches; /* ascending; ended by 0 */
    bool variants;      /* also the variants of the score; else they cost a scoring program nothing */
} evaluator_setup;

/* Records and compiles a scoring program or a search for each batch size of a neural method, or makes a closed-form one
 * ready. Returns new. */
evaluator *evaluator_new(const evaluator_setup *s, error *e);
/* Of several evaluators alike one whose scores are all of theirs (see joint.h). Borrows the members for its life.
 * Returns new. */
evaluator *evaluator_join(evaluator *const *members, int count, const struct joint_scales *scales, error *e);
void evaluator_free(evaluator *v);

/* Variants of the score that it gives; 0 for a closed form. A search finds its variants on its way, asked or not. */
size_t evaluator_variant_count(const evaluator *v);
/* "l1", say, of 0 … count-1. Borrowed; lives as long as the program. */
const char *evaluator_variant_name(const evaluator *v, size_t index);
/* False where the method makes no image of what it scores: its `unexplained` says why. */
bool evaluator_reconstructs(const evaluator *v);

/* Scores n rows of prepared input, and gives what else is wanted; a reconstruction only of a method that makes one.
 * Rows are cut into batches that padding makes larger by a third at most, where the sizes allow. All of it has the same
 * bits in whatever company. ERROR_DIVERGED when a score is not finite; the rest is not looked at. */
bool evaluator_run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e);
/* Touches whatever scoring n rows (at most EVALUATE_ROWS_MAX) at once uses, and fails where their scores are not
 * finite. Of a search it makes the first step alone. */
bool evaluator_warm(evaluator *v, const float *rows, size_t n, error *e);
/* Asked and told by evaluator_run from now on, which fails with ERROR_CANCELLED when a search is cancelled. Each member
 * of several tells of each image. */
void evaluator_watch(evaluator *v, scored_watch watch);

/* Rows to give to evaluator_run at once, for speed. */
size_t evaluator_rows(const evaluator *v);
/* Bytes of its programs and searches, without the model's arrays. */
size_t evaluator_bytes(const evaluator *v);
/* The programs it compiled, from 0; NULL behind the last. *batch (when not NULL) is set. */
const program *evaluator_program(const evaluator *v, int index, int *batch);
/* Of evaluator_bytes, those of that program, and of the search it belongs to. */
size_t evaluator_program_bytes(const evaluator *v, int index);

#endif
