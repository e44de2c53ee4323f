/* SPDX-License-Identifier: MIT */
/*
 * evaluator_kind.h — what a kind of evaluator is: a record of functions, and a struct that begins with `struct
 * evaluator`. Included by the kinds' own files and evaluator.c alone.
 */
#ifndef ANOMALYD_TRAIN_EVALUATOR_KIND_H
#define ANOMALYD_TRAIN_EVALUATOR_KIND_H

#include "train/evaluator.h"

typedef struct evaluator_kind {
    size_t size; /* of the kind's struct */
    /* Whether the method scores in this way with these options. */
    bool (*fits)(const method *m, const void *self); /* NULL: of the last kind, which takes what is left */
    /* Makes what it scores with, fills `scoring`, `rows`, `bytes`, `names` and `reconstructs`, and reads the weights of
     * the setup. What was made before a failure is freed by `free`. */
    bool (*open)(evaluator *v, const evaluator_setup *s, error *e);
    void (*free)(evaluator *v); /* NULL: there is nothing to free */
    bool (*run)(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e);
    bool (*warm)(evaluator *v, const float *rows, size_t n, float *scores, error *e); /* NULL: by `run` */
} evaluator_kind;

extern const evaluator_kind evaluate_programs, evaluate_search, evaluate_closed_form;

struct evaluator {
    const evaluator_kind *kind;
    const method *method;
    void *self;
    model *own;
    size_t row;           /* values of one input */
    size_t rows, bytes;   /* see evaluator_rows, evaluator_bytes */
    const program *names; /* whose outputs name the variants; NULL: there are none */
    bool reconstructs;
    scored_watch watch;
    /* The program for each batch size, ascending; of a search that of its step. */
    struct evaluator_scoring {
        int batch;
        const program *program;
        size_t bytes;
    } scoring[EVALUATE_BATCHES_MAX];
    int count;
};

/* Adds an entry to `scoring`; the first names the variants. */
void evaluator_add(evaluator *v, int batch, const program *p, size_t bytes);
/* Index of the smallest batch that holds n rows, or of the largest there is. */
int evaluator_batch_for(const evaluator *v, size_t n);
/* Tells the watch that `count` more images have their score. */
void evaluator_tell(const evaluator *v, size_t count);

#endif
