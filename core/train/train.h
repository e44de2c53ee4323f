/* SPDX-License-Identifier: MIT */
/*
 * train.h — the generic trainer: epochs, batches, label-free selection, checkpoints, evaluation, model file.
 * Knows methods only through method.h; knows no HTTP, no JSON, no SQL.
 */
#ifndef ANOMALYD_TRAIN_TRAIN_H
#define ANOMALYD_TRAIN_TRAIN_H

#include "data/protocol.h"
#include "eval/metric.h"
#include "methods/method.h"

#include <stdio.h>

struct train_option {
    const char *name, *value;
};

typedef struct train_spec {
    const method *method;
    const struct train_option *options; /* those that differ from the presets */
    size_t option_count;
    protocol_spec protocol;   /* its shares and seed are set by the trainer: see `held_out` and `seed` */
    const char *dataset_name; /* for the model's header; NULL: left out */
    double held_out;          /* share of the training normals held out (preset 0.1): with SELECT_PSEUDO one half is for
                                 selection and the other for calibration, else all of it is for calibration; 0: none */
    uint64_t seed;
    bool trace;                  /* also report the test AUROC of every epoch; a diagnostic that chooses nothing */
    const char *model_path;      /* where the finished model goes */
    const char *checkpoint_path; /* resumed from when it is there, removed once the model is written; NULL: none */
    double checkpoint_s; /* min seconds between checkpoints, which are written at ends of epochs and in between */
} train_spec;

enum train_event_kind { TRAIN_STARTED, TRAIN_PROGRESS, TRAIN_EPOCH, TRAIN_CHECKPOINT, TRAIN_EVALUATING };
enum { TRAIN_VALUES_MAX = 16 };

typedef struct train_event {
    enum train_event_kind kind;
    int epoch, epochs;         /* epoch counts from 1, through all members */
    uint64_t step, steps;      /* done and in all */
    uint64_t scored, to_score; /* TRAIN_EVALUATING: images, once for each member; else 0 */
    double images_s, eta_s; /* of learning, until the last step; then of scoring, until the last image. NaN: unknown */
    size_t footprint_bytes; /* TRAIN_STARTED: memory that the process will have at most, as far as the run can tell */
    struct {
        const char *name; /* "loss.generator", "spread.generated", "restarts.discriminator", "selection_auroc",
                             "test_auroc", … */
        double value;
    } values[TRAIN_VALUES_MAX];
    int value_count;
} train_event;

/* The one test, image by image in the order of the data set. */
typedef struct train_test {
    const float *scores;
    const uint8_t *anomalous; /* 1 is an anomaly */
    size_t count;
    char images[DATASET_DIGEST_TEXT]; /* see split_test_digest */
} train_test;

typedef struct train_watch {
    void *context;
    void (*event)(void *context, const train_event *ev);
    bool (*cancelled)(void *context); /* polled each step, also of a search */
    /* Called once with the test's scores, if there were test images. Borrows *t for the call. When it fails, the run
     * fails. */
    bool (*tested)(void *context, const train_test *t, error *e);
} train_watch;

enum { TRAIN_ROC_POINTS = 200, TRAIN_HISTOGRAM_BINS = 40, TRAIN_SCORES_MAX = 12, TRAIN_SCORE_NAME_MAX = 32 };

/* What another score than the run's reaches on the test part: a variant that the method names, "plain" (the method's
 * own, where the run's is refined), "fusion", "complexity", "fusion-complexity" (see enum refining); NaN where one of
 * its scores is not finite. */
typedef struct train_score {
    char name[TRAIN_SCORE_NAME_MAX];
    auroc auroc;
    double average_precision;
} train_score;

typedef struct train_result {
    auroc auroc; /* of the test part; value is NaN when there is nothing to test against */
    double average_precision;
    train_score scores[TRAIN_SCORES_MAX];
    size_t score_count; /* 0 where nothing was tested, or there are none */
    size_t train_count, validation_count, calibration_count, test_normals, test_anomalies;
    size_t left_out_count;                     /* normals that the test split has too: the run saw none of them */
    char training_digest[DATASET_DIGEST_TEXT]; /* see split_training_digest */
    int epochs, chosen_epoch;                  /* of all members; of the first. 0 for closed-form methods */
    double train_s, score_s;                   /* wall time */
    size_t parameters;
    uint64_t checkpoint_step; /* of a run that failed: see train_run */
    char weights_digest[65], model_digest[65];
    const char *blas_kernel; /* of the process that tested; static */
    int threads;
    size_t roc_count;
    float roc_false_positive[TRAIN_ROC_POINTS], roc_true_positive[TRAIN_ROC_POINTS];
    double histogram_low, histogram_high;
    uint32_t histogram_normal[TRAIN_HISTOGRAM_BINS], histogram_anomalous[TRAIN_HISTOGRAM_BINS];
} train_result;

/* Trains, selects, evaluates on the test part once, writes the model. A cancelled run writes a checkpoint first and
 * fails with ERROR_CANCELLED. Resuming from a checkpoint gives the same bits as an uninterrupted run.
 *
 * A loss that is not finite, and a collapse (a discriminator that has won or lost for good, images that are all the
 * same: see collapse_steps in method.h), fail with ERROR_DIVERGED naming loss or spread, epoch and step. What is then
 * at checkpoint_path is the last checkpoint from before it began, and out->checkpoint_step its step; or there is none,
 * and that is 0. It resumes as any other does, also with other limits. */
bool train_run(const train_spec *plan, const dataset *d, team *t, const train_watch *watch, train_result *out,
               error *e);

/* Checks everything that can be checked before a run: options, protocol against the data set, sizes. */
bool train_check(const train_spec *plan, const dataset_info *info, error *e);

/* Builds what the run would build. Prints its nets' parameters, the bytes of each kind of memory that the process would
 * use, and their sum: the footprint_bytes of TRAIN_STARTED. Reads no images. */
bool train_print_footprint(const train_spec *plan, const dataset_info *info, team *t, FILE *out, error *e);

#endif
