/* SPDX-License-Identifier: MIT */
/* cell.h — a cell of an experiment: one method on one class with one seed, which is a job. */
#ifndef ANOMALYD_API_RECORDS_CELL_H
#define ANOMALYD_API_RECORDS_CELL_H

#include "api/records/job.h"

typedef struct experiment_cell {
    char method[RECORD_NAME_MAX], class_name[DATASET_CLASS_NAME_MAX];
    uint64_t seed;
    char job[RECORD_ID_MAX], run[RECORD_ID_MAX]; /* run: empty until it succeeded */
    enum job_state state;
    bool reused;
    uint32_t test_images;                  /* as its job asks; 0: all */
    char images[DATASET_DIGEST_TEXT];      /* which it was tested on, as in run_test; empty: not known */
    char code_version[RECORD_VERSION_MAX]; /* that made the run; empty until it succeeded */
    double auroc, cost_s, score_s;         /* cost_s: of training and scoring; NaN until it succeeded */
    int threads;                           /* on which it cost that; 0: not recorded */
    char *failure;                         /* owned; NULL: none */
} experiment_cell;

/* Columns of experiment_cells AS c, jobs AS j, runs AS r, run_tests AS t. */
static const struct field cell_fields[] = {
    FIELD(FIELD_TEXT, experiment_cell, method, "method", "c.method"),
    FIELD(FIELD_TEXT, experiment_cell, class_name, "class", "c.class"),
    FIELD(FIELD_INTEGER, experiment_cell, seed, "seed", "c.seed"),
    FIELD(FIELD_TEXT, experiment_cell, job, "job", "c.job"),
    FIELD(FIELD_STATE, experiment_cell, state, "state", "j.state"),
    FIELD(FIELD_FLAG, experiment_cell, reused, "reused", "c.reused"),
    FIELD(FIELD_TEXT, experiment_cell, run, "run", "j.run", .nullable = true),
    FIELD(FIELD_REAL, experiment_cell, auroc, "auroc", "r.auroc", .nullable = true),
    FIELD(FIELD_REAL, experiment_cell, cost_s, "cost_s", "r.train_s + r.score_s", .nullable = true),
    FIELD(FIELD_REAL, experiment_cell, score_s, NULL, "r.score_s"),
    FIELD(FIELD_INTEGER, experiment_cell, threads, NULL, "r.threads"),
    FIELD(FIELD_INTEGER, experiment_cell, test_images, NULL, "j.test_images"),
    FIELD(FIELD_TEXT, experiment_cell, images, NULL, "t.images"),
    FIELD(FIELD_TEXT, experiment_cell, code_version, "code_version", "r.code_version", .nullable = true),
    FIELD(FIELD_STRING, experiment_cell, failure, "failure", "j.failure", .nullable = true),
};
static const struct record cell_record = RECORD("experiment_cell", NULL, cell_fields);

#endif
