/* SPDX-License-Identifier: MIT */
/* run.h — a run: how a training job went and what its test found. */
#ifndef ANOMALYD_API_RECORDS_RUN_H
#define ANOMALYD_API_RECORDS_RUN_H

#include "api/records/subject.h"

#include <stdlib.h>

enum { RUN_NUMBER_MAX = 1000000 }; /* of epochs, threads or versions in a run from elsewhere */

/* A variant of a run's score: what it reached in the run's test; NaN where it was not finite. */
typedef struct run_score {
    char name[RECORD_NAME_MAX];
    double auroc, auroc_low, auroc_high, average_precision;
} run_score;

static const struct field run_score_fields[] = {
    FIELD(FIELD_TEXT, run_score, name, NULL, "name"),
    FIELD(FIELD_REAL, run_score, auroc, "auroc", "auroc", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_score, auroc_low, "auroc_low", "auroc_low", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_score, auroc_high, "auroc_high", "auroc_high", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_score, average_precision, "average_precision", "average_precision", .nullable = true,
          .maximum = 1),
};
static const struct record run_score_record = RECORD("run_score", "run_scores", run_score_fields);

typedef struct run_row {
    char id[RECORD_ID_MAX];
    record_time created;
    record_time imported; /* from another registry, which has its model; 0: it was made here */
    char job[RECORD_ID_MAX];
    struct subject subject;
    char model[RECORD_NAME_MAX];
    int version;
    double auroc, auroc_low, auroc_high, auroc_deviation, average_precision; /* NaN when not evaluated */
    uint32_t train_count, validation_count, calibration_count, test_normals, test_anomalies;
    uint32_t left_out_count;                   /* normals that were not trained on: the test split has them too */
    char training_digest[DATASET_DIGEST_TEXT]; /* see split_training_digest; empty: neither is recorded */
    char test_digest[DATASET_DIGEST_TEXT];     /* see split_test_digest; empty: not tested; only in run_get */
    int epochs, chosen_epoch;
    double train_s, score_s;
    uint64_t parameters;
    char weights_digest[65];
    char code_version[RECORD_VERSION_MAX];
    char blas_core[32];                  /* OpenBLAS's kernel; empty: not recorded */
    int threads;                         /* 0: not recorded */
    char *hyperparameters;               /* JSON object: all of them */
    run_score scores[RECORD_SCORES_MAX]; /* only in run_get */
    int score_count;
    char *detail; /* JSON object: roc, histogram, epochs (the series by name); only in run_get */
} run_row;

static const struct field run_fields[] = {
    FIELD(FIELD_TEXT, run_row, id, "id", "id", .required = true),
    FIELD(FIELD_TIME, run_row, created, "created", "created", .required = true),
    FIELD(FIELD_TIME, run_row, imported, "imported", "imported", .form = FORM_UNREAD),
    FIELD(FIELD_TEXT, run_row, job, "job", "job", .nullable = true, .required = true),
    FIELD(FIELD_TEXT, run_row, subject.method, "method", "method", .form = FORM_METHOD, .required = true),
    FIELD(FIELD_TEXT, run_row, subject.dataset, "dataset", "dataset", .form = FORM_NAME),
    FIELD(FIELD_TEXT, run_row, subject.dataset_digest, "dataset_digest", "dataset_digest", .form = FORM_DIGEST,
          .required = true),
    FIELD(FIELD_TEXT, run_row, subject.protocol, "protocol", "protocol", .form = FORM_PROTOCOL, .required = true),
    FIELD(FIELD_TEXT, run_row, subject.class_name, "class", "class", .form = FORM_CLASS, .nullable = true),
    FIELD(FIELD_INTEGER, run_row, subject.seed, "seed", "seed", .maximum = SUBJECT_SEED_MAX, .required = true),
    FIELD(FIELD_REAL, run_row, subject.held_out, "held_out", "held_out", .maximum = SUBJECT_HELD_OUT_MAX,
          .required = true),
    FIELD(FIELD_INTEGER, run_row, subject.test_images, "test_images", "test_images", .form = FORM_TEST_IMAGES),
    FIELD(FIELD_TEXT, run_row, model, "model", "model", .form = FORM_NAME, .required = true),
    FIELD(FIELD_INTEGER, run_row, version, "version", "version", .maximum = RUN_NUMBER_MAX),
    FIELD(FIELD_REAL, run_row, auroc, "auroc", "auroc", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_row, auroc_low, "auroc_low", "auroc_low", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_row, auroc_high, "auroc_high", "auroc_high", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_row, auroc_deviation, "auroc_deviation", "auroc_deviation", .nullable = true, .maximum = 1),
    FIELD(FIELD_REAL, run_row, average_precision, "average_precision", "average_precision", .nullable = true,
          .maximum = 1),
    FIELD(FIELD_INTEGER, run_row, train_count, "images/train", "train_count", .required = true),
    FIELD(FIELD_INTEGER, run_row, validation_count, "images/validation", "validation_count", .required = true),
    FIELD(FIELD_INTEGER, run_row, calibration_count, "images/calibration", "calibration_count", .required = true),
    FIELD(FIELD_INTEGER, run_row, test_normals, "images/test_normals", "test_normals", .required = true),
    FIELD(FIELD_INTEGER, run_row, test_anomalies, "images/test_anomalies", "test_anomalies", .required = true),
    FIELD(FIELD_INTEGER, run_row, left_out_count, "images/duplicates_left_out", "left_out_count",
          .with = "training_digest"),
    FIELD(FIELD_TEXT, run_row, training_digest, "training_digest", "training_digest", .form = FORM_DIGEST,
          .nullable = true),
    FIELD(FIELD_INTEGER, run_row, epochs, "epochs", "epochs", .maximum = RUN_NUMBER_MAX),
    FIELD(FIELD_INTEGER, run_row, chosen_epoch, "chosen_epoch", "chosen_epoch", .maximum = RUN_NUMBER_MAX),
    FIELD(FIELD_REAL, run_row, train_s, "train_s", "train_s", .maximum = 1e12, .required = true),
    FIELD(FIELD_REAL, run_row, score_s, "score_s", "score_s", .maximum = 1e12, .required = true),
    FIELD(FIELD_INTEGER, run_row, parameters, "parameters", "parameters"),
    FIELD(FIELD_TEXT, run_row, weights_digest, "weights_digest", "weights_digest", .form = FORM_DIGEST),
    FIELD(FIELD_TEXT, run_row, code_version, "code_version", "code_version", .required = true),
    FIELD(FIELD_OBJECT, run_row, hyperparameters, "hyperparameters", "hyperparameters", .form = FORM_OPTIONS,
          .required = true),
    FIELD(FIELD_TEXT, run_row, blas_core, "blas_core", "blas_core", .nullable = true),
    FIELD(FIELD_INTEGER, run_row, threads, "threads", "threads", .nullable = true, .maximum = RUN_NUMBER_MAX),
    FIELD(FIELD_TEXT, run_row, test_digest, "test_digest", NULL, .form = FORM_DIGEST, .nullable = true, .whole = true),
    {.type = FIELD_BESIDE, .path = "scores", .whole = true},
    FIELD(FIELD_OBJECT, run_row, detail, "detail", NULL, .form = FORM_UNREAD, .whole = true),
};
static const struct record run_record = RECORD("run", "runs", run_fields);

static inline void run_row_free(run_row *row)
{
    record_free(&run_record, row);
}

/* What each test image of a run scored, in the order of the data set. Owns its arrays. */
typedef struct run_test {
    char images[DATASET_DIGEST_TEXT]; /* the same for runs tested on the same images with the same labels */
    size_t count;
    float *scores;
    uint8_t *anomalous; /* 1 is an anomaly */
} run_test;

static inline void run_test_free(run_test *test)
{
    free(test->scores);
    free(test->anomalous);
    *test = (run_test){0};
}

#endif
