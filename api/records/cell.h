/* SPDX-License-Identifier: MIT */
/* cell.h — a cell of an experiment: one method on one class with one seed, which is a job. */
#ifndef ANOMALYD_API_RECORDS_CELL_H
#define ANOMALYD_API_RECORDS_CELL_H

#include "api/records/job.h"

typedef struct experiment_cell {
    char method[SERVICE_NAME_MAX], class_name[DATASET_CLASS_NAME_MAX];
    uint64_t seed;
    char job[SERVICE_ID_MAX], run[SERVICE_ID_MAX]; /* run: empty until it succeeded */
    enum job_state state;
    bool reused;
    uint32_t test_images;                   /* as its job asks; 0: all */
    char images[DATASET_DIGEST_TEXT];       /* which it was tested on, as in run_test; empty: not known */
    char code_version[SERVICE_VERSION_MAX]; /* that made the run; empty until it succeeded */
    double auroc, cost_s, score_s;          /* cost_s: of training and scoring; NaN until it succeeded */
    int threads;                            /* on which it cost that; 0: not recorded */
    char *failure;                          /* owned; NULL: none */
} experiment_cell;

#endif
