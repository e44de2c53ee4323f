/* SPDX-License-Identifier: MIT */
/* run.h — a run: how a training job went and what its test found. */
#ifndef ANOMALYD_API_RECORDS_RUN_H
#define ANOMALYD_API_RECORDS_RUN_H

#include "api/records/subject.h"

#include <stddef.h>

/* A variant of a run's score: what it reached in the run's test; NaN where it was not finite. */
typedef struct run_score {
    char name[SERVICE_NAME_MAX];
    double auroc, auroc_low, auroc_high, average_precision;
} run_score;

typedef struct run_row {
    char id[SERVICE_ID_MAX];
    service_time created;
    service_time imported; /* from another registry, which has its model; 0: it was made here */
    char job[SERVICE_ID_MAX];
    struct subject subject;
    char model[SERVICE_NAME_MAX];
    int version;
    double auroc, auroc_low, auroc_high, auroc_deviation, average_precision; /* NaN when not evaluated */
    uint32_t train_count, validation_count, calibration_count, test_normals, test_anomalies;
    uint32_t left_out_count;                   /* normals that were not trained on: the test split has them too */
    char training_digest[DATASET_DIGEST_TEXT]; /* see parts_training_digest; empty: neither is recorded */
    char test_digest[DATASET_DIGEST_TEXT];     /* see parts_test_digest; empty: not tested; only in run_get */
    int epochs, chosen_epoch;
    double train_s, score_s;
    uint64_t parameters;
    char weights_digest[65];
    char code_version[SERVICE_VERSION_MAX];
    char blas_core[32];                   /* OpenBLAS's kernel; empty: not recorded */
    int threads;                          /* 0: not recorded */
    char *hyperparameters;                /* JSON object: all of them */
    run_score scores[SERVICE_SCORES_MAX]; /* only in run_get */
    int score_count;
    char *detail; /* JSON object: roc, histogram, epochs (the series by name); only in run_get */
} run_row;

void run_row_free(run_row *row);

/* What each test image of a run scored, in the order of the data set. Owns its arrays. */
typedef struct run_test {
    char images[DATASET_DIGEST_TEXT]; /* the same for runs tested on the same images with the same labels */
    size_t count;
    float *scores;
    uint8_t *anomalous; /* 1 is an anomaly */
} run_test;

void run_test_free(run_test *test);

#endif
