/* SPDX-License-Identifier: MIT */
/*
 * scored.h — the results of scoring images, and the outputs of a program in which they are found.
 *
 * Besides its score (a search's loss) a program may have other outputs: those named "score.*" are variants of the
 * score, n×1×1×1 each, and "reconstruction" is what the networks made of the images, shaped like them.
 */
#ifndef ANOMALYD_METHODS_SCORED_H
#define ANOMALYD_METHODS_SCORED_H

#include "graph/program.h"

/* Where the results of n images are written; all borrowed. Fields other than `score` may be NULL: not wanted. */
typedef struct scored_rows {
    float *score;
    float *const *variants; /* an array for each variant, in the order of scored_variant_name */
    float *reconstruction;  /* rows like the networks' input, in the method's range */
    size_t at;              /* the first image's place in all of these */
} scored_rows;

/* Callbacks of a caller that scores many images; each may be NULL. They run on the thread that scores. */
typedef struct scored_watch {
    bool (*cancelled)(void *context);            /* polled by a search, each step; true ends the scoring */
    void (*scored)(void *context, size_t count); /* so many more images have their score */
    void *context;
} scored_watch;

size_t scored_variant_count(const program *p);
/* The name behind "score.", of 0 … count-1. Borrowed from the program. */
const char *scored_variant_name(const program *p, size_t index);
bool scored_reconstructs(const program *p);
/* Removes the variants from g, so that its program does not compute them. Call it before program_compile. */
void scored_drop_variants(graph *g);

/* Copies the variants and the reconstructions that p's latest run found for its rows from … from+n-1, as far as they
 * are wanted, to the places of images to … to+n-1 of `out`. Leaves the score alone. */
void scored_copy(const scored_rows *out, size_t to, const program *p, size_t from, size_t n);

#endif
