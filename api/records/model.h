/* SPDX-License-Identifier: MIT */
/* model.h — a version of a model, without its weights. */
#ifndef ANOMALYD_API_RECORDS_MODEL_H
#define ANOMALYD_API_RECORDS_MODEL_H

#include "api/records/subject.h"
#include "base/shape.h"

typedef struct model_row {
    char name[SERVICE_NAME_MAX];
    int version;
    service_time created;
    struct subject subject; /* without held_out and test_images: those are its run's */
    shape data, input;
    uint64_t parameters, bytes;
    char digest[DATASET_DIGEST_TEXT]; /* SHA-256 of the model file */
    uint32_t calibration_count;
    double threshold;        /* NaN: too few calibration scores */
    double false_alarm_rate; /* the threshold's policy */
    char job[SERVICE_ID_MAX], run[SERVICE_ID_MAX];
    double auroc;            /* NaN when it was not evaluated */
    uint64_t resident_bytes; /* in memory; 0: the model is not resident */
    char code_version[SERVICE_VERSION_MAX];
    char *hyperparameters; /* JSON object: all of them */
} model_row;

void model_row_free(model_row *row);

#endif
