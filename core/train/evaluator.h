/* SPDX-License-Identifier: MIT */
/*
 * evaluator.h — the one code path from a prepared row to its score: selection, calibration, test and serving all go
 * through here. A method scores by programs, by a search or by a closed form, and several networks score jointly: each
 * of these is a record in a file of its own (see evaluator_kind.h). Private to train.
 */
#ifndef ANOMALYD_TRAIN_EVALUATOR_H
#define ANOMALYD_TRAIN_EVALUATOR_H

#include "train/prepare.h"

enum { EVALUATE_BATCHES_MAX = 8, EVALUATE_ROWS_MAX = 256 };

typedef struct evaluator evaluator;

/* What to score with; all borrowed. */
typedef struct evaluator_setup {
    const method *method;
    void *self;
    model *model;
    shape input;
    const int *batches;    /* ascending; ended by 0 */
    bool variants;         /* also the variants of the score; without them a scoring program computes none */
    const bundle *weights; /* read into the model; NULL: it has its weights already */
} evaluator_setup;

/* Records and compiles a scoring program or a search for each batch size of a neural method, or makes a closed-form one
 * ready. Returns new. */
evaluator *evaluator_new(const evaluator_setup *s, error *e);
void evaluator_free(evaluator *v);

/* Variants of the score that it gives; 0 for a closed form. A search gives its variants whether asked or not. */
size_t evaluator_variant_count(const evaluator *v);
/* "l1", say, of 0 … count-1. Borrowed; lives as long as the program. */
const char *evaluator_variant_name(const evaluator *v, size_t index);
/* False where the method makes no image of what it scores: its `unexplained` says why. */
bool evaluator_reconstructs(const evaluator *v);

/* Scores n rows of prepared input, and gives what else is wanted; a reconstruction only of a method that makes one.
 * Rows are cut into batches that padding makes larger by a third at most, where the sizes allow. All of it has the same
 * bits in whatever company. ERROR_DIVERGED when a score is not finite; the rest is not looked at. */
bool evaluator_run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e);
/* Touches the memory that scoring n rows (at most EVALUATE_ROWS_MAX) at once uses, and fails where their scores are not
 * finite. A search makes its first step only. */
bool evaluator_warm(evaluator *v, const float *rows, size_t n, error *e);
/* Sets whom evaluator_run asks and tells from now on; it fails with ERROR_CANCELLED when a search is cancelled. A joint
 * evaluator tells of each image once for each member. */
void evaluator_watch(evaluator *v, scored_watch watch);

/* Rows to give to evaluator_run at once, for speed. */
size_t evaluator_rows(const evaluator *v);
/* Bytes of its programs and searches, without the model's arrays. */
size_t evaluator_bytes(const evaluator *v);
/* The programs it compiled, from 0; NULL after the last. *batch (when not NULL) is set. */
const program *evaluator_program(const evaluator *v, int index, int *batch);
/* Of evaluator_bytes, those of that program, and of the search it belongs to. */
size_t evaluator_program_bytes(const evaluator *v, int index);

#endif
