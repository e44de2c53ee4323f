/* SPDX-License-Identifier: MIT */
/*
 * run.h — the state of one training run, shared by the files of train/. Private to them.
 *
 * train.c sets a run up and takes it down; loop.c makes the steps; select.c judges epochs; checkpoint.c saves and
 * restores it all; ensemble.c keeps one member and begins the next; finish.c calibrates it, test.c tests it, and
 * finish.c writes the model.
 */
#ifndef ANOMALYD_TRAIN_RUN_H
#define ANOMALYD_TRAIN_RUN_H

#include "train/joint.h"
#include "train/member.h"
#include "train/scores.h"
#include "train/train.h"

/* Losses and spreads of the epoch under way, one a name. */
typedef struct tally {
    const char *names[TRAIN_VALUES_MAX];
    double latest[TRAIN_VALUES_MAX]; /* of the last step; NaN where its program did not run then */
    double sums[TRAIN_VALUES_MAX];
    uint64_t runs[TRAIN_VALUES_MAX]; /* of the program whose loss it is, when it was last looked at */
    int count;
    uint64_t steps; /* made; with all of the epoch's, that is still to be judged */
} tally;

/* A discriminator's loss, or a spread, and for how many steps in succession it has been beyond its limits. */
typedef struct suspect {
    char name[64];
    bool is_spread;
    bool adds[TRAIN_VALUES_MAX]; /* which of the tally's values make it up */
    uint64_t below, above;
} suspect;

/* Images that the finished model scores, once for each member. */
typedef struct run_scoring {
    uint64_t done, all;
    double start_s, event_s;
} run_scoring;

typedef struct run {
    const train_plan *plan;
    const dataset *data;
    team *team;
    const train_watch *watch;

    size_t process_bytes; /* what the process had before anything was made, a mapped data set included */
    const method *method;
    void *self;
    struct method_state *state; /* the head of self; of closed-form methods only `refine` is set */
    int members;                /* networks that are trained, one after the other */
    shape data_shape, input;    /* n is 1 */
    struct split split;
    char training_digest[DATASET_DIGEST_TEXT]; /* of the split */
    float *train;                              /* train_count prepared rows */

    /* The member under way; at the end of several, the evaluator is of them all and the model NULL. */
    model *model;
    evaluator *evaluator;
    array *batch;
    uint64_t seed;        /* its own: see ensemble_seed */
    uint64_t from, until; /* its first step, and the one behind its last */
    uint32_t *order;      /* of the training rows in the epoch under way */

    run_scoring scoring;
    member done[MEMBERS_MAX]; /* those of several that have learned */
    int done_count;
    size_t parameters; /* of each, with the nets that only learning takes */
    joint_scales scales;

    /* What a checkpoint keeps, with the model and those that are done. */
    uint64_t step; /* done, by all members */
    double train_s;
    tally tally;
    double best;    /* selection AUROC of best_epoch */
    int best_epoch; /* counted through all members, as in events */
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
/* The method's struct with the plan's options. Returns new. */
void *run_options(const run *r, error *e);
/* Makes nets and programs of a neural method, and its scoring program. */
bool run_build(run *r, error *e);
/* Makes a member of the run ready to learn, in place of the one before. */
bool run_begin(run *r, int index, error *e);
/* Frees what the member under way learns with. */
void run_take_down_nets(run *r);
/* Epochs of all members. */
int run_epochs(const run *r);
/* True for a neural method whose epoch is chosen by pseudo-anomalies. */
bool run_selects(const run *r);
/* Shares of the training normals for validation and calibration. */
void run_shares(const run *r, double *validation, double *calibration);
/* plan.c: bytes of all that the run has in memory at once. Needs what is built, and the counts of the split. */
size_t run_bytes(const run *r);
/* Images that are prepared and scored at once, of the many that are scored outside the steps; `by` is NULL where a
 * closed form is not fitted yet. */
size_t run_window(const run *r, const evaluator *by);
bool run_cancelled(run *r, error *e);
void run_report(const run *r, const train_event *ev);
/* Is it time to report again? Then *since_s is now. */
bool run_report_due(double *since_s);
/* From here on run_score reports how many of `images` the run's evaluator has scored, in the end that it is all. */
void run_begin_scoring(run *r, size_t images);
/* True for a program's output that is tallied. */
bool run_tallies(const char *output);

/* Prepares images of the data set as rows of the run's input. Chunks of the team work on different images. */
bool run_prepare(run *r, const uint32_t *indices, size_t n, float *rows, error *e);
/* evaluator_run, which a search breaks off with ERROR_CANCELLED when the run is cancelled. */
bool run_evaluate(run *r, evaluator *by, const float *rows, size_t n, const scored_rows *out, error *e);
/* Scores images of the data set, a window at a time; see run_evaluate. With `complexity`, n floats, also that of each
 * (see evaluate_complexity). */
bool run_score(run *r, evaluator *by, const uint32_t *indices, size_t n, const scored_rows *out, float *complexity,
               error *e);
/* Batch sizes of the programs that score for a run. */
extern const int run_batches[];

/* loop.c: the member's steps from r->step on. */
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
