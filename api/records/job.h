/* SPDX-License-Identifier: MIT */
/* job.h — a training job: what was asked for, and how far it is. */
#ifndef ANOMALYD_API_RECORDS_JOB_H
#define ANOMALYD_API_RECORDS_JOB_H

#include "api/records/subject.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_CANCELLING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_STATES };
const char *job_state_name(enum job_state s); /* "queued", "running", … */
bool job_state_find(const char *name, enum job_state *out);

/* What a client asked for, validated by the api as far as the method's option table goes; the rest (data set exists,
 * class exists) by the service before anything is queued. */
typedef struct job_spec {
    struct subject subject;       /* its dataset_digest is the service's to fill in */
    bool trace;                   /* also the test AUROC of each epoch */
    char model[SERVICE_NAME_MAX]; /* name under which the result is registered */
    char *hyperparameters;        /* a JSON object of option values; owned by whoever holds the spec */
} job_spec;

typedef struct job_row {
    char id[SERVICE_ID_MAX];
    enum job_state state;
    job_spec spec;
    int attempt;
    service_time created, started, finished;
    int epoch, epochs;
    uint64_t step, steps;
    uint64_t scored, to_score; /* images, by the finished model; 0: it does not score */
    double images_s, eta_s;
    int threads;              /* that it runs on; 0: it does not run */
    char *values;             /* JSON object: the last losses and metrics by name */
    char *failure;            /* why it failed; NULL otherwise */
    char run[SERVICE_ID_MAX]; /* empty until it succeeded */
    int version;              /* of the model it made; 0 until then */
} job_row;

/* Releases what the row owns, not the row itself; as do the functions of the other records. */
void job_row_free(job_row *row);

#endif
