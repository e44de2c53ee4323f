/* SPDX-License-Identifier: MIT */
/*
 * search.h — finds for each image the code with the smallest loss, by gradient steps on the codes of many images at
 * once, through networks that do not change. Knows arrays and programs, not what the networks or the loss are.
 *
 * An image takes a slot, starts from a code of its own place in the queue of restarts, moves by its own Adam, and
 * leaves when it has made its steps or converged; the slot goes to the next image. Rows of the program must not
 * depend on each other (a SCORE graph sees to that): then an image's score has the same bits in whatever company, at
 * whatever place and with however many slots it is found.
 */
#ifndef ANOMALYD_METHODS_SEARCH_H
#define ANOMALYD_METHODS_SEARCH_H

#include "methods/scored.h"
#include "nn/model.h"

typedef struct search search;

typedef struct search_rule {
    int iterations;  /* steps of each code at most */
    int restarts;    /* codes tried for each image; the best counts */
    float rate;      /* Adam's, with decays of 0.9 and 0.999 */
    bool anneals;    /* the rate falls to a tenth after 2/5 of the iterations and to a twentieth after 3/5 */
    int patience;    /* steps without progress after which a code has converged; 0: never */
    float progress;  /* a relative fall of the loss by at least this counts as progress */
    bool keeps_last; /* the score is the loss of the last code instead of the least loss met */
} search_rule;

/* What a search works on; all borrowed until search_free. */
typedef struct search_setup {
    array *images; /* n×h×w×c, n being the number of slots */
    array *codes;  /* n×1×1×d */
    /* Has output "loss", n×1×1×1, and differentiates its sum by the codes. Its other outputs are those of scored.h. */
    program *step;
    /* Computes what is the same for an image at every step. It runs when images have come in, and its output "target"
     * is copied into the array below. An output "start", shaped like the codes, is where an image's first search
     * starts. NULL: there is no such program. */
    program *prepare;
    array *target;
} search_setup;

/* Codes start from truncated normal draws, the same for every image and every model; where `prepare` has a start for
 * each image, the draws are those of the further restarts. Returns new. */
search *search_new(const search_setup *setup, search_rule rule, error *e);
void search_free(search *s);
int search_slots(const search *s);
int search_iterations(const search *s);
/* Borrows the program of a step. */
program *search_program(const search *s);
/* Returns the bytes of the search and of its programs. */
size_t search_bytes(const search *s);

typedef struct search_job {
    const float *images; /* n rows */
    size_t n;
    scored_rows out; /* variants and reconstruction are those of the code that counts */
} search_job;

/* False with ERROR_CANCELLED when the watch says so; scores are then incomplete. A score that no step made finite is
 * infinite. Of codes of one image whose losses are equal the one of the earlier restart counts, then that of the
 * earlier step. Allocates only where more than scores is wanted. */
bool search_run(search *s, const scored_watch *watch, const search_job *job, error *e);
/* Computes the losses of the codes from which n images (at most as many as slots) start. */
void search_first_step(search *s, const float *images, size_t n, float *losses);

#endif
