/* SPDX-License-Identifier: MIT */
/*
 * context.h — what stays the same during a training run once it is set up: the request, the data set and its split, the
 * method with its options. Private to train.
 *
 * A run is cut by who owns the data: each struct has a header with functions, and no other file writes its fields. A
 * file includes only what stands above it in this list:
 *
 *     prepare      a method's options, images as rows of its input
 *     evaluator    scores of rows; evaluate_*.c and joint.c are its kinds
 *     scores       all scores of some images, and the refined one
 *     member       a network that scores, rebuilt from its weights
 *     explain      pictures of what a score is made of
 *     header       what model files and checkpoints say beside weights
 *     scorer       a finished model that serves; it knows nothing of what follows
 *     context      (this file)
 *     scoring      scores of images of the data set
 *     tally        losses and spreads of the epoch under way
 *     collapse     how long a value has been beyond its limits
 *     selection    the best epoch so far
 *     checkpoint   the file a run is resumed from; it is handed records of functions, and knows no owner of state
 *     learner      the member under way; learner_fit.c and learner_steps.c are its kinds
 *     ensemble     the members that have learned
 *     footprint    the memory that a run takes
 *     calibration  scores of held-out normals
 *     test         scores of the test images
 *     finish       the result and the model's file
 *     train        the run as a whole
 */
#ifndef ANOMALYD_TRAIN_CONTEXT_H
#define ANOMALYD_TRAIN_CONTEXT_H

#include "train/header.h"
#include "train/train.h"

typedef struct train_context {
    const train_spec *plan;
    const dataset_info *info;
    const dataset *data; /* NULL: nothing is learned, only described */
    team *team;
    const train_watch *watch; /* NULL: nobody watches */
    size_t process_bytes;     /* what the process had before anything was made, a mapped data set included */

    const method *method;
    void *options;                       /* the method's struct, which nothing is built with */
    const struct method_state *settings; /* the head of `options`; of a closed form only `refine` is set */
    preparation images;
    bool selects;        /* the epoch is chosen by pseudo-anomalies */
    int members, epochs; /* epochs of all members; 0 of a closed form */

    struct split split;
    char training_digest[DATASET_DIGEST_TEXT];
    uint64_t steps_an_epoch, steps; /* steps of all members; 0 of a closed form */
} train_context;

/* Batch sizes of the programs that score for a run: its images are scored window by window, not all at once. */
extern const int context_batches[];

/* Sets options, shapes and shares from the plan and checks them against the data set; *spec is what split_make and
 * split_count need. Free with context_free, also after a failure. */
bool context_describe(train_context *c, const train_spec *plan, const dataset_info *info, protocol_spec *spec,
                      error *e);
/* Splits the images, checks the counts and counts the steps. Without c->data counts alone are found. */
bool context_split(train_context *c, const protocol_spec *spec, error *e);
/* Releases what it owns. */
void context_free(train_context *c);

header_run context_run(const train_context *c);
/* The epoch, from 1, that has the step of that number, from 0. */
int context_epoch(const train_context *c, uint64_t step);
/* Prepares n images of the data set. Chunks of the team work on different images. */
bool context_prepare(const train_context *c, const uint32_t *indices, size_t n, float *rows, error *e);

bool context_is_cancelled(const train_context *c);
/* False with ERROR_CANCELLED when the run is cancelled. */
bool context_goes_on(const train_context *c, error *e);
void context_report(const train_context *c, const train_event *ev);
/* Whether it is time to report again; if so, *since_s becomes now. */
bool context_report_due(double *since_s);
/* Adds a value to an event; one for which there is no room is left out. */
void context_add_value(train_event *ev, const char *name, double value);

#endif
