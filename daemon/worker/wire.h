/* SPDX-License-Identifier: MIT */
/*
 * wire.h — the JSON that daemon and worker exchange: the job's line, a job's specification, and result.json, whose
 * appearance in a job's folder says that the job's work is done.
 */
#ifndef ANOMALYD_DAEMON_WORKER_WIRE_H
#define ANOMALYD_DAEMON_WORKER_WIRE_H

#include "api/records/job.h"
#include "api/records/model.h"
#include "daemon/platform/paths.h"
#include "daemon/store/tested.h"
#include "train/scorer.h"
#include "train/train.h"

#include <jansson.h>

enum {
    WIRE_LINE_MAX = 64 << 10, /* bytes of a line, either way */
    WIRE_COMMAND_MAX = 32,    /* of one that tells a worker what to do: see worker_send */
    WIRE_OPTIONS_MAX = 64
};
#define WIRE_FALSE_ALARM_RATE 0.05 /* a new model's threshold policy */

/* The first line on a worker's stdin. */
typedef struct wire_job {
    char id[RECORD_ID_MAX];
    path_text folder;  /* the job's own */
    path_text dataset; /* its packed file */
    int threads;       /* that it may be told to run on */
    int share;         /* of them, those that it runs on to begin with */
    int checkpoint_s;
    uint64_t memory; /* bytes it may take beyond what it has when warm; 0: no limit */
    job_spec spec;
} wire_job;

/* Returns new; NULL when memory is out. */
char *wire_write_job(const wire_job *j);
/* *j owns spec.hyperparameters. */
bool wire_read_job(const char *line, wire_job *j, error *e);

/* SHA-256 of the request, independent of the order of its keys. */
bool wire_fingerprint(const job_spec *spec, char out[DATASET_DIGEST_TEXT], error *e);

/* A specification as the trainer takes it. train points into this struct: do not copy. */
typedef struct wire_plan {
    train_spec train;
    struct train_option options[WIRE_OPTIONS_MAX];
    char values[WIRE_OPTIONS_MAX][OPTION_VALUE_MAX];
    json_t *hyperparameters; /* owns the options' names */
} wire_plan;
/* Finds method, protocol and class. Free with wire_plan_free, also after failure. */
bool wire_plan_make(wire_plan *p, const job_spec *spec, const dataset_info *info, error *e);
void wire_plan_free(wire_plan *p);

/* All of the method's options, the presets too, as a run records them. Returns new; NULL: out of memory. */
char *wire_options(const wire_plan *p);
/* The same where none is given. */
char *wire_presets(const method *m);

/* What a worker found. */
typedef struct wire_found {
    const train_result *result;
    const tested *tested; /* bytes NULL: nothing was tested */
    const scorer *scorer; /* the finished model */
} wire_found;
/* Writes result.json at `path`, durably. */
bool wire_write_result(const char *path, const wire_plan *p, const wire_found *f, error *e);
/* Fills what a result says of model, run and test; all own what they point to then (also after failure). */
bool wire_read_result(const char *path, model_row *model, run_row *run, tested *t, error *e);

/* worker_main.c, the child's side: reads one job from stdin, trains, leaves result.json. Returns the exit status; what
 * happened is told on stdout before. */
enum { WORKER_DONE = 0, WORKER_FAILED = 1, WORKER_STOPPED = 3 };
int worker_main(void);

#endif
