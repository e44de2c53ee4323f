/* SPDX-License-Identifier: MIT */
/*
 * jobs.h — accepts training jobs, runs them in children, sees them through restarts, and registers what they make.
 * What a client is told was durable before. Loop thread only.
 */
#ifndef ANOMALYD_DAEMON_JOBS_JOBS_H
#define ANOMALYD_DAEMON_JOBS_JOBS_H

#include "api/service.h"
#include "daemon/jobs/admission.h"
#include "daemon/jobs/cpus.h"
#include "daemon/platform/id.h"
#include "daemon/platform/loop.h"
#include "daemon/store/store.h"

enum {
    JOBS_QUEUED_MAX = 1000,
    JOBS_DEATHS_MAX = 3,   /* of workers, without a checkpoint between them */
    JOBS_KEPT_MAX = 8,     /* failed jobs whose last good checkpoint stays */
    JOBS_ENDED_KEPT = 64,  /* finished jobs whose events can still be replayed */
    JOBS_GRACE_MS = 30000, /* for a cancelled worker to write its checkpoint */
    JOBS_AGAIN_MS = 5000,  /* after a write that failed, and after the first attempt that could not go on */
    JOBS_SAVE_MS = 1000,   /* least time between progress rows */
    JOBS_LEASE_MS = 60000
};

typedef struct jobs jobs;

typedef struct jobs_config {
    loop *loop;
    store *store;
    store_reader *reader;
    id_source *ids;
    const char *state; /* folder */
    cpus cpus;         /* and how jobs share them */
    int checkpoint_s;
    admission_rule memory;
} jobs_config;

/* Copies c; borrows what it points to. */
jobs *jobs_new(const jobs_config *c, error *e);
/* Takes up what a former daemon left: queued jobs, and those whose worker died with it. Before anything is served. */
bool jobs_recover(jobs *j, error *e);
/* Everything has stopped. */
void jobs_free(jobs *j);

/* See service.h. */
void jobs_submit(jobs *j, const job_spec *spec, const char *key, job_done *done, void *context);
void jobs_cancel(jobs *j, const char *id, job_done *done, void *context);
bool jobs_get(jobs *j, const char *id, job_row *row, error *e);
bool jobs_list(jobs *j, const job_filter *f, service_page *page, job_row *rows, int *count, error *e);
void *jobs_watch(jobs *j, const char *id, uint64_t after, event_sink *sink, void *context, error *e);
void jobs_unwatch(jobs *j, void *subscription);

/* Keeps places for so many more jobs until they are released: before or after the jobs have taken them. ERROR_BUSY when
 * there are not so many, or the daemon stops. */
bool jobs_reserve(jobs *j, size_t count, error *e);
void jobs_release(jobs *j, size_t count);
/* Takes a job that somebody else queued in the registry; one that is open already, or that has ended, is fine. Then
 * jobs_start, once for many. */
bool jobs_adopt(jobs *j, const char *id, error *e);
void jobs_start(jobs *j);
/* What a running job's pace lets expect. NaN: it has not said, or does not run. */
typedef struct job_pace {
    double left_s, whole_s;                 /* of its training */
    double scoring_left_s, scoring_whole_s; /* of the scoring that follows, once that has begun */
    int threads;                            /* on which it has that pace */
} job_pace;
extern const job_pace job_pace_unknown;
job_pace jobs_pace(const jobs *j, const char *id);
/* Threads of all running jobs together while there are jobs enough. */
int jobs_capacity(const jobs *j);

/* No job starts any more; running ones are told to checkpoint and go back to the queue. */
void jobs_stop(jobs *j);
/* Children not reaped yet, and results not registered yet. */
size_t jobs_active(const jobs *j);
/* Kills what jobs_stop did not end; their checkpoints remain. */
void jobs_kill(jobs *j);

#endif
