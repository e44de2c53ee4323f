/* SPDX-License-Identifier: MIT */
/*
 * store.h — the registry: data sets, jobs, models with their weights, runs. The seam behind which another data base
 * could stand; SQLite's name does not leave store_*.c.
 *
 * Writes are queued and return at once. One thread applies them in the order they were queued, many in one transaction,
 * and makes them durable before their `done` is called (by store_deliver, in order). Reads go through a store_reader,
 * which belongs to one thread and sees what is committed.
 *
 * A job's row carries a lease and a fencing token: claiming it makes a new token, and a write under an older one is
 * ERROR_CONFLICT, so that a late worker's news cannot overwrite its successor's.
 */
#ifndef ANOMALYD_DAEMON_STORE_STORE_H
#define ANOMALYD_DAEMON_STORE_STORE_H

#include "api/records/dataset.h"
#include "api/records/experiment.h"
#include "api/records/job.h"
#include "api/records/model.h"
#include "api/records/page.h"
#include "api/records/published.h"
#include "api/records/run.h"
#include "base/error.h"
#include "daemon/store/tested.h"

enum { STORE_KEY_MAX = 255, STORE_KEY_AGE_MS = 24 * 3600 * 1000 };

typedef struct store store;
typedef struct store_reader store_reader;

typedef struct store_host {
    void (*wake)(void *context); /* from the writer's thread: store_deliver should be called soon */
    void *context;
} store_host;

/* Opens or creates the registry, brings its schema up to date, starts the writer. A registry of a newer program, of
 * another program, or with an edited migration is refused. Returns new. */
store *store_open(const char *path, const store_host *host, error *e);
/* Waits until everything queued is durable, delivers it, and frees the store. Readers must be closed before. */
void store_close(store *s);

/* Calls `done` of everything that was committed since the last call. The thread that queues writes. */
void store_deliver(store *s);
/* Waits until everything queued is committed, then delivers. */
void store_flush(store *s);

typedef struct store_numbers {
    uint64_t commits, writes, failures;
    double commit_s, commit_max_s; /* the sum; the longest */
    size_t waiting;
    uint64_t file_bytes, wal_bytes;
} store_numbers;
void store_measure(store *s, store_numbers *out);

/* --- writes: false and *e only when the write could not be queued (then `done` is not called). Arguments are copied.
 */

typedef struct store_answer {
    char id[RECORD_ID_MAX]; /* of the job; run_import: of the run */
    bool fresh;             /* job_add: false when the key answered an earlier job; run_import: when it was here */
    int64_t token;          /* job_claim */
    int attempt;            /* job_claim */
    int version;            /* job_finish: of the model */
} store_answer;

/* failure: NULL when the write is durable. */
typedef void store_done(void *context, const store_answer *answer, const error *failure);
typedef struct store_reply {
    store_done *done; /* NULL: nobody waits */
    void *context;
} store_reply;

/* The same name with the same digest is fine; another digest is ERROR_CONFLICT. */
bool store_dataset_add(store *s, const dataset_row *row, store_reply reply, error *e);

typedef struct store_new_job {
    const job_row *row;      /* its id, spec and created are read */
    const char *key;         /* NULL: none */
    const char *fingerprint; /* of the request; with key only */
} store_new_job;
bool store_job_add(store *s, const store_new_job *j, store_reply reply, error *e);

typedef struct store_claim {
    const char *id, *worker;
    record_time now, lease_until;
} store_claim;
/* Takes a queued job: state running, a new token. ERROR_CONFLICT when it is not queued any more. */
bool store_job_claim(store *s, const store_claim *c, store_reply reply, error *e);

typedef struct store_move {
    const char *id;
    int64_t token;
    enum job_state to;
    const char *failure; /* NULL: none */
    int deaths;
    record_time finished; /* 0: it is not */
    uint64_t events;
} store_move;
/* Changes the state of a job; leaving running gives up the lease. */
bool store_job_move(store *s, const store_move *m, store_reply reply, error *e);

typedef struct store_progress {
    const job_row *row; /* id, epoch … values are read */
    int64_t token;
    record_time lease_until;
    int deaths;
    uint64_t events;
} store_progress;
bool store_job_progress(store *s, const store_progress *p, store_reply reply, error *e);

typedef struct store_epoch {
    const char *id;
    int64_t token;
    int epoch, count;
    const char *const *names;
    const double *values;
} store_epoch;
bool store_job_epoch(store *s, const store_epoch *m, store_reply reply, error *e);

typedef struct store_finish {
    const char *id;
    int64_t token;
    record_time finished;
    uint64_t events;
    const model_row *model; /* version is not read */
    const run_row *run;     /* id and all but version */
    const tested *tested;   /* bytes NULL: nothing was tested */
    const char *model_path; /* the file that becomes a BLOB */
} store_finish;
/* Model version, run, its test and the job's success in one transaction. */
bool store_job_finish(store *s, const store_finish *f, store_reply reply, error *e);

/* A run of another registry, and its job as one that succeeded; trace: whether that measured each epoch. The row's id,
 * job and data set must be good ones. The same run again changes nothing; another one of its id, and a job that is
 * here, are ERROR_CONFLICT. */
typedef struct store_import {
    const run_row *run; /* detail with its epochs */
    bool trace;
} store_import;
bool store_run_import(store *s, const store_import *i, store_reply reply, error *e);

/* A sweep and all of its jobs. Owns what it points to. */
typedef struct store_new_experiment {
    char id[RECORD_ID_MAX];
    record_time created;
    experiment_spec spec; /* whole: with its classes */
    char dataset_digest[DATASET_DIGEST_TEXT];
    bool all_classes;
    char *axes;      /* JSON, as in experiment_row */
    char **resolved; /* one a method: all its options as a run records them; with reuse only */
    char **presets;  /* one a method: the same where none is given; with reuse only */
    char code_version[48];
    char (*models)[RECORD_NAME_MAX]; /* one a method */
    char (*jobs)[RECORD_ID_MAX];     /* ids, one a cell: seeds, then classes, then methods */
    char key[STORE_KEY_MAX + 1];     /* empty: none */
    char fingerprint[DATASET_DIGEST_TEXT];
} store_new_experiment;
/* Experiment and jobs in one transaction; cells that are reused get no job. Takes x, also when it fails. */
bool store_experiment_add(store *s, store_new_experiment *x, store_reply reply, error *e);
void store_new_experiment_free(store_new_experiment *x);

typedef struct store_resume {
    const char *id; /* of the experiment */
    record_time created;
    const char (*jobs)[RECORD_ID_MAX]; /* ids for new jobs */
    int job_count;
} store_resume;
/* Gives cells whose job failed or was cancelled a new one, as far as the ids go. */
bool store_experiment_resume(store *s, const store_resume *r, store_reply reply, error *e);

/* --- reads */

store_reader *store_reader_open(store *s, error *e);
/* The registry at `path`, which another process may have open as its store, or none. Nothing in it is changed; one that
 * this program would have to bring up to date is refused. */
store_reader *store_reader_open_at(const char *path, error *e);
void store_reader_close(store_reader *r);

bool store_dataset_list(store_reader *r, record_page *page, dataset_row *rows, int *count, error *e);
bool store_dataset_get(store_reader *r, const char *name, dataset_row *row, error *e);
/* One of these images: that of this name, else the oldest. */
bool store_dataset_find(store_reader *r, const char *digest, const char *name, dataset_row *row, error *e);

bool store_job_list(store_reader *r, const job_filter *f, record_page *page, job_row *rows, int *count, error *e);
bool store_job_get(store_reader *r, const char *id, job_row *row, error *e);
/* The number of the latest event that the registry knows of; 0: none. */
bool store_job_events(store_reader *r, const char *id, uint64_t *last, error *e);
/* Whether a request under this Idempotency-Key was accepted, as far as can be told. */
enum store_key_of { STORE_KEY_OF_JOB, STORE_KEY_OF_EXPERIMENT };
bool store_key_known(store_reader *r, enum store_key_of of, const char *key);

/* What the queue needs to go on with a job after a restart. */
typedef struct store_open_job {
    job_row row;
    int64_t token;
    int deaths;
    uint64_t events;
} store_open_job;
/* The oldest open job (queued, running, cancelling) after `id` (empty: the first). False with ERROR_NONE in *e: none.
 */
bool store_open_job_next(store_reader *r, const char *id, store_open_job *out, error *e);
bool store_job_counts(store_reader *r, uint64_t counts[JOB_STATES], error *e);

bool store_model_list(store_reader *r, record_page *page, model_row *rows, int *count, error *e);
/* name empty: the newest model; version 0: its newest. */
bool store_model_get(store_reader *r, const char *name, int version, model_row *row, error *e);
bool store_model_versions(store_reader *r, const char *name, int *versions, int limit, int *count, error *e);
/* The model file; *bytes is returned new, free() it. */
bool store_model_file(store_reader *r, const char *name, int version, void **bytes, size_t *size, error *e);

bool store_run_list(store_reader *r, const run_filter *f, record_page *page, run_row *rows, int *count, error *e);
bool store_run_get(store_reader *r, const char *id, run_row *row, error *e);
/* ERROR_CONFLICT for a run that keeps no scores of test images. Fills *test, for run_test_free. */
bool store_run_test(store_reader *r, const char *id, run_test *test, error *e);

bool store_experiment_list(store_reader *r, record_page *page, experiment_row *rows, int *count, error *e);
/* With its cells; eta_s is not known here. */
bool store_experiment_get(store_reader *r, const char *id, experiment_row *row, error *e);
/* Gives its cells another of their runs' scores: see service.h. */
bool store_experiment_score(store_reader *r, experiment_row *row, const char *score, error *e);

/* What is published on the images of this digest under this protocol: one source's row in one piece. At most `limit`.
 */
bool store_published_list(store_reader *r, const char *dataset_digest, const char *protocol, published_row *rows,
                          int limit, int *count, error *e);

#endif
