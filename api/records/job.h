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
    struct subject subject;      /* its dataset_digest is the service's to fill in */
    bool trace;                  /* also the test AUROC of each epoch */
    char model[RECORD_NAME_MAX]; /* name under which the result is registered */
    char *hyperparameters;       /* a JSON object of option values; owned by whoever holds the spec */
} job_spec;

typedef struct job_row {
    char id[RECORD_ID_MAX];
    enum job_state state;
    job_spec spec;
    int attempt;
    record_time created, started, finished;
    int epoch, epochs;
    uint64_t step, steps;
    uint64_t scored, to_score; /* images, by the finished model; 0: it does not score */
    double images_s, eta_s;
    int threads;             /* that it runs on; 0: it does not run */
    char *values;            /* JSON object: the last losses and metrics by name */
    char *failure;           /* why it failed; NULL otherwise */
    char run[RECORD_ID_MAX]; /* empty until it succeeded */
    int version;             /* of the model it made; 0 until then */
} job_row;

static const struct field job_fields[] = {
    FIELD(FIELD_TEXT, job_row, id, "id", "id"),
    {.type = FIELD_CONSTANT, .path = "kind", .text = "train"},
    FIELD(FIELD_STATE, job_row, state, "state", "state"),
    FIELD(FIELD_TEXT, job_row, spec.subject.method, "method", "method"),
    FIELD(FIELD_TEXT, job_row, spec.subject.dataset, "dataset", "dataset"),
    FIELD(FIELD_TEXT, job_row, spec.subject.dataset_digest, NULL, "dataset_digest"),
    FIELD(FIELD_TEXT, job_row, spec.subject.protocol, "protocol", "protocol"),
    FIELD(FIELD_TEXT, job_row, spec.subject.class_name, "class", "class", .nullable = true),
    FIELD(FIELD_INTEGER, job_row, spec.subject.seed, "seed", "seed"),
    FIELD(FIELD_OBJECT, job_row, spec.hyperparameters, "hyperparameters", "hyperparameters"),
    FIELD(FIELD_TEXT, job_row, spec.model, "model", "model"),
    FIELD(FIELD_REAL, job_row, spec.subject.held_out, "held_out", "held_out"),
    FIELD(FIELD_INTEGER, job_row, spec.subject.test_images, "test_images", "test_images"),
    FIELD(FIELD_FLAG, job_row, spec.trace, "trace", "trace"),
    FIELD(FIELD_INTEGER, job_row, attempt, "attempt", "attempt"),
    FIELD(FIELD_INTEGER, job_row, threads, "threads", NULL, .nullable = true),
    FIELD(FIELD_TIME, job_row, created, "created", "created"),
    FIELD(FIELD_TIME, job_row, started, "started", "started"),
    FIELD(FIELD_TIME, job_row, finished, "finished", "finished"),
    FIELD(FIELD_INTEGER, job_row, epoch, "progress/epoch", "epoch"),
    FIELD(FIELD_INTEGER, job_row, epochs, "progress/epochs", "epochs"),
    FIELD(FIELD_INTEGER, job_row, step, "progress/step", "step"),
    FIELD(FIELD_INTEGER, job_row, steps, "progress/steps", "steps"),
    FIELD(FIELD_INTEGER, job_row, scored, "progress/scored", NULL, .with = "progress/to_score"),
    FIELD(FIELD_INTEGER, job_row, to_score, "progress/to_score", NULL, .nullable = true),
    FIELD(FIELD_REAL, job_row, images_s, "progress/images_s", "images_s", .nullable = true),
    FIELD(FIELD_REAL, job_row, eta_s, "progress/eta_s", "eta_s", .nullable = true),
    FIELD(FIELD_OBJECT, job_row, values, "values", "last_values"),
    FIELD(FIELD_STRING, job_row, failure, "failure", "failure", .nullable = true),
    FIELD(FIELD_TEXT, job_row, run, "run", "run", .nullable = true),
    FIELD(FIELD_INTEGER, job_row, version, "version", "version", .nullable = true),
};
static const struct record job_record = RECORD("job", "jobs", job_fields);

/* Releases what the row owns, not the row itself; as do the functions of the other records. */
static inline void job_row_free(job_row *row)
{
    record_free(&job_record, row);
}

#endif
