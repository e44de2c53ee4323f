/* SPDX-License-Identifier: MIT */
/* experiment.h — a sweep: every method on every class with every seed. */
#ifndef ANOMALYD_API_RECORDS_EXPERIMENT_H
#define ANOMALYD_API_RECORDS_EXPERIMENT_H

#include "api/records/cell.h"

typedef struct experiment_method {
    char method[RECORD_NAME_MAX];
    char *hyperparameters; /* a JSON object; owned */
    double held_out;       /* in force for this method, as is test_images */
    uint32_t test_images;
    bool overrides_held_out, overrides_test_images; /* it is the method's own, not the experiment's */
} experiment_method;

/* Which cells that succeeded before, with the same images, options and seed, are taken and not run again. */
enum reuse { REUSE_NONE, REUSE_SAME_VERSION, REUSE_ANY_VERSION }; /* kept in registries by number */

/* What a client asked for. */
typedef struct experiment_spec {
    char name[RECORD_NAME_MAX]; /* may be empty */
    char dataset[RECORD_NAME_MAX];
    char protocol[RECORD_PROTOCOL_MAX]; /* one with a test: not "unlabelled" */
    double held_out;                    /* of methods that do not override it, as is test_images */
    uint32_t test_images;
    bool trace;
    enum reuse reuse;
    int method_count, class_count, seed_count;
    experiment_method *methods;              /* owned, as are the next two */
    char (*classes)[DATASET_CLASS_NAME_MAX]; /* class_count 0: all of the data set */
    uint64_t *seeds;
} experiment_spec;

void experiment_spec_free(experiment_spec *spec);

/* What the job of a cell is asked for, but for the model's name and the digest of the data set. Borrows the options. */
job_spec experiment_cell_spec(const experiment_spec *spec, int method, int class_index, int seed);

typedef struct experiment_row {
    char id[RECORD_ID_MAX];
    record_time created;
    char name[RECORD_NAME_MAX], dataset[RECORD_NAME_MAX], dataset_digest[DATASET_DIGEST_TEXT];
    char protocol[RECORD_PROTOCOL_MAX];
    double held_out;
    uint32_t test_images;
    bool trace, all_classes;
    enum reuse reuse;
    char *axes; /* JSON object: methods, classes, seeds, hyperparameters, overrides where there are any; owned */
    uint64_t counts[JOB_STATES]; /* of cells */
    double eta_s;                /* only in experiment_get; NaN: nothing measured tells it, or nothing is left */
    experiment_cell *cells;      /* only in experiment_get: seeds, then classes, then methods; owned */
    int cell_count;
    char score[RECORD_NAME_MAX]; /* which of their runs' scores the cells have; empty: each run's own */
} experiment_row;

static const struct field experiment_fields[] = {
    FIELD(FIELD_TEXT, experiment_row, id, "id", "id"),
    FIELD(FIELD_TEXT, experiment_row, name, "name", "name", .nullable = true),
    {.type = FIELD_BESIDE, .path = "state"},
    FIELD(FIELD_TIME, experiment_row, created, "created", "created"),
    FIELD(FIELD_TEXT, experiment_row, dataset, "dataset", "dataset"),
    FIELD(FIELD_TEXT, experiment_row, dataset_digest, "dataset_digest", "dataset_digest"),
    FIELD(FIELD_TEXT, experiment_row, protocol, "protocol", "protocol"),
    FIELD(FIELD_REAL, experiment_row, held_out, "held_out", "held_out"),
    FIELD(FIELD_INTEGER, experiment_row, test_images, "test_images", "test_images"),
    FIELD(FIELD_FLAG, experiment_row, trace, "trace", "trace"),
    {.type = FIELD_BESIDE, .path = "reuse"},
    FIELD(FIELD_INTEGER, experiment_row, reuse, NULL, "reuse"),
    FIELD(FIELD_FLAG, experiment_row, all_classes, NULL, "all_classes"),
    {.type = FIELD_BESIDE, .path = "progress"},
    {.type = FIELD_BESIDE, .path = "overrides"},
    {.type = FIELD_BESIDE, .path = "methods"},
    {.type = FIELD_BESIDE, .path = "classes"},
    {.type = FIELD_BESIDE, .path = "seeds"},
    {.type = FIELD_BESIDE, .path = "hyperparameters"},
    FIELD(FIELD_OBJECT, experiment_row, axes, NULL, "axes"),
    FIELD(FIELD_REAL, experiment_row, eta_s, "eta_s", NULL, .nullable = true, .whole = true),
    {.type = FIELD_BESIDE, .path = "cells", .whole = true},
};
static const struct record experiment_record = RECORD("experiment", "experiments", experiment_fields);

void experiment_row_free(experiment_row *row);

#endif
