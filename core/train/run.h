/* SPDX-License-Identifier: MIT */
/*
 * run.h — the state of one training run, shared by the files of train/. Private to them.
 *
 * train.c sets a run up and takes it down; loop.c makes the steps; select.c judges epochs; checkpoint.c saves and
 * restores it all; finish.c calibrates it, test.c tests it, and finish.c writes the model.
 */
#ifndef ANOMALYD_TRAIN_RUN_H
#define ANOMALYD_TRAIN_RUN_H

#include "train/evaluate.h"
#include "train/scores.h"
#include "train/train.h"

/* Losses and spreads of the epoch under way, one a name. */
typedef struct tally {
    const char *names[TRAIN_VALUES_MAX];
    double latest[TRAIN_VALUES_MAX]; /* of the last step; NaN where its program did not run then */
    double sums[TRAIN_VALUES_MAX];
    uint64_t runs[TRAIN_VALUES_MAX]; /* of the program whose loss it is, when it was last looked at */
    int count;
    uint64_t steps;
} tally;

/* A discriminator's loss, or a spread, and for how many steps in succession it has been beyond its limits. */
typedef struct suspect {
    char name[64];
    bool is_spread;
    bool adds[TRAIN_VALUES_MAX]; /* which of the tally's values make it up */
    uint64_t below, above;
} suspect;

typedef struct run {
    const train_plan *plan;
    const dataset *data;
    team *team;
    const train_watch *watch;

    size_t process_bytes; /* what the process had before anything was made, a mapped data set included */
    const method *method;
    void *self;
    struct method_state *state; /* the head of self; of closed-form methods only `refine` is set */
    shape data_shape, input;    /* n is 1 */
    parts parts;
    char training_digest[DATASET_DIGEST_TEXT]; /* of the parts */
    float *train;                              /* train_count prepared rows */

    model *model;
    evaluator *evaluator;
    array *batch;
    uint32_t *order; /* of the training rows in the epoch under way */

    /* What a checkpoint keeps, with the model. */
    uint64_t step; /* done */
    double train_s;
    tally tally;
    double best; /* selection AUROC of best_epoch */
    int best_epoch;
    suspect suspects[TRAIN_VALUES_MAX];
    int suspect_count;
    uint64_t good_step; /* of the last checkpoint that was written while nothing was amiss; 0: there is none */

    bool good_aside;    /* that checkpoint is not at its place, but beside it */
    double data_spread; /* of the training images; 0: they are all the same */
    uint64_t steps_an_epoch, steps;
    float *selection_rows; /* validation normals, then as many pseudo-anomalies */
    float *selection_scores;
    uint8_t *selection_anomalous;
} run;

/* Sets the run's options, shapes and shares from its plan, and checks them against the data set. */
bool run_describe(run *r, const dataset_info *info, protocol_spec *spec, error *e);
/* Makes nets and programs of a neural method, and its scoring program. */
bool run_build(run *r, error *e);
/* True for a neural method whose epoch is chosen by pseudo-anomalies. */
bool run_selects(const run *r);
/* Shares of the training normals for validation and calibration. */
void run_shares(const run *r, double *validation, double *calibration);
/* plan.c: bytes of all that the run has in memory at once. Needs what is built, and the counts of the parts. */
size_t run_bytes(const run *r);
/* Images that are prepared and scored at once, of the many that are scored outside the steps. */
size_t run_window(const run *r);
bool run_cancelled(const run *r, error *e);
void run_report(const run *r, const train_event *ev);
/* True for a program's output that is tallied. */
bool run_tallies(const char *output);

/* Prepares images of the data set as rows of the run's input. Chunks of the team work on different images. */
bool run_prepare(run *r, const uint32_t *indices, size_t n, float *rows, error *e);
/* Scores images of the data set, a window at a time; see evaluator_run. With `complexity`, n floats, also that of each
 * (see evaluate_complexity). */
bool run_score(run *r, const uint32_t *indices, size_t n, const scored_rows *out, float *complexity, error *e);

/* loop.c: all steps from r->step on. */
bool run_loop(run *r, error *e);

/* Refinements fitted to the calibration images, by enum refining. */
typedef struct run_refined {
    bool there[REFININGS];
    refinement of[REFININGS];
} run_refined;

/* test.c: fits every refinement that the held-out images allow; fails where the one that the run's score is made by is
 * not. */
bool run_refine(const run *r, const score_set *held_out, run_refined *out, error *e);
/* Scores the test part, once, and measures. Nothing where there is nothing to tell apart. */
bool run_test(run *r, const run_refined *refined, train_result *out, error *e);

/* Scores and writes what was learned. */
bool run_finish(run *r, int chosen_epoch, train_result *out, error *e);

#endif
