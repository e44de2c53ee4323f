/* SPDX-License-Identifier: MIT */
/* model.h — a version of a model, without its weights. */
#ifndef ANOMALYD_API_RECORDS_MODEL_H
#define ANOMALYD_API_RECORDS_MODEL_H

#include "api/records/subject.h"
#include "base/shape.h"

typedef struct model_row {
    char name[RECORD_NAME_MAX];
    int version;
    record_time created;
    struct subject subject; /* without held_out and test_images: those are its run's */
    shape data, input;
    uint64_t parameters, bytes;
    char digest[DATASET_DIGEST_TEXT]; /* SHA-256 of the model file */
    uint32_t calibration_count;
    double threshold;        /* NaN: too few calibration scores */
    double false_alarm_rate; /* the threshold's policy */
    char job[RECORD_ID_MAX], run[RECORD_ID_MAX];
    double auroc;            /* NaN when it was not evaluated */
    uint64_t resident_bytes; /* in memory; 0: the model is not resident */
    char code_version[RECORD_VERSION_MAX];
    char *hyperparameters; /* JSON object: all of them */
} model_row;

static const struct field model_fields[] = {
    FIELD(FIELD_TEXT, model_row, name, "name", "name"),
    FIELD(FIELD_INTEGER, model_row, version, "version", "version"),
    FIELD(FIELD_TIME, model_row, created, "created", "created"),
    FIELD(FIELD_TEXT, model_row, subject.method, "method", "method"),
    FIELD(FIELD_TEXT, model_row, subject.dataset, "dataset", "dataset"),
    FIELD(FIELD_TEXT, model_row, subject.dataset_digest, "dataset_digest", "dataset_digest"),
    FIELD(FIELD_TEXT, model_row, subject.protocol, "protocol", "protocol"),
    FIELD(FIELD_TEXT, model_row, subject.class_name, "class", "class", .nullable = true),
    FIELD(FIELD_INTEGER, model_row, subject.seed, "seed", "seed"),
    FIELD(FIELD_OBJECT, model_row, hyperparameters, "hyperparameters", "hyperparameters"),
    FIELD(FIELD_INTEGER, model_row, data.w, "data/width", "data_width"),
    FIELD(FIELD_INTEGER, model_row, data.h, "data/height", "data_height"),
    FIELD(FIELD_INTEGER, model_row, data.c, "data/channels", "data_channels"),
    FIELD(FIELD_INTEGER, model_row, input.w, "input/width", "input_width"),
    FIELD(FIELD_INTEGER, model_row, input.h, "input/height", "input_height"),
    FIELD(FIELD_INTEGER, model_row, input.c, "input/channels", "input_channels"),
    FIELD(FIELD_INTEGER, model_row, parameters, "parameters", "parameters"),
    FIELD(FIELD_INTEGER, model_row, bytes, "bytes", "bytes"),
    FIELD(FIELD_TEXT, model_row, digest, "digest", "digest"),
    FIELD(FIELD_INTEGER, model_row, calibration_count, "calibration_count", "calibration_count"),
    FIELD(FIELD_REAL, model_row, threshold, "threshold", "threshold", .nullable = true),
    FIELD(FIELD_REAL, model_row, false_alarm_rate, "false_alarm_rate", "false_alarm_rate", .nullable = true),
    FIELD(FIELD_REAL, model_row, auroc, "auroc", "auroc", .nullable = true),
    {.type = FIELD_BESIDE, .path = "resident"},
    FIELD(FIELD_INTEGER, model_row, resident_bytes, "resident_bytes", NULL),
    FIELD(FIELD_TEXT, model_row, job, "job", "job", .nullable = true),
    FIELD(FIELD_TEXT, model_row, run, "run", "run", .nullable = true),
    FIELD(FIELD_TEXT, model_row, code_version, "code_version", "code_version"),
};
static const struct record model_record = RECORD("model", "models", model_fields);

static inline void model_row_free(model_row *row)
{
    record_free(&model_record, row);
}

#endif
