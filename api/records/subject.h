/* SPDX-License-Identifier: MIT */
/* subject.h — what a job trains and tests: the part that jobs, runs and models have in common. */
#ifndef ANOMALYD_API_RECORDS_SUBJECT_H
#define ANOMALYD_API_RECORDS_SUBJECT_H

#include "api/records/record.h"
#include "data/dataset.h"

/* Numbers beyond this lose digits in JavaScript. */
#define SUBJECT_SEED_MAX 9007199254740991
#define SUBJECT_HELD_OUT_MAX 0.4

struct subject {
    char method[RECORD_NAME_MAX];
    char dataset[RECORD_NAME_MAX], dataset_digest[DATASET_DIGEST_TEXT];
    char protocol[RECORD_PROTOCOL_MAX];      /* "one-class", "one-vs-rest", "unlabelled" */
    char class_name[DATASET_CLASS_NAME_MAX]; /* empty for unlabelled */
    uint64_t seed;
    double held_out;      /* share of the training normals for selection and calibration */
    uint32_t test_images; /* images to test on, drawn by the seed; 0: all */
};

#endif
