/* SPDX-License-Identifier: MIT */
/*
 * jobs.h — accepts training jobs, runs each in a child process, goes on with them after a restart, and registers the
 * models they make. A client is told nothing that is not durable. Loop thread only.
 */
#ifndef ANOMALYD_DAEMON_JOBS_JOBS_H
#define ANOMALYD_DAEMON_JOBS_JOBS_H

#include "api/service.h"
#include "daemon/jobs/cpus.h"
#include "daemon/platform/id.h"
#include "daemon/platform/loop.h"
#include "daemon/store/store.h"

enum {
    JOBS_QUEUED_MAX = 1000,
    JOBS_KEPT_MAX = 8,     /* failed jobs whose last good checkpoint is kept */
    JOBS_ENDED_KEPT = 64,  /* ended jobs whose events can still be replayed */
    JOBS_GRACE_MS = 30000, /* for a worker to write its checkpoint when told to stop */
    JOBS_RETRY_MS = 5000,  /* after a write that failed, and after the first attempt that could not go on */
    JOBS_SAVE_MS = 1000,   /* min. time between progress rows */
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
/* Opens the jobs that a former daemon left: queued ones, and those whose worker died with it. Call before serving. */
bool jobs_recover(jobs *j, error *e);
/* Call when jobs_active is 0. NULL is fine. */
void jobs_free(jobs *j);

/* See service.h. */
bool jobs_submit(jobs *j, const job_spec *spec, const char *key, job_done *done, void *context, error *e);
bool jobs_cancel(jobs *j, const char *id, job_done *done, void *context, error *e);
bool jobs_get(jobs *j, const char *id, job_row *row, error *e);
bool jobs_list(jobs *j, const job_filter *f, record_page *page, job_row *rows, int *count, error *e);
void *jobs_watch(jobs *j, const char *id, uint64_t after, event_sink *sink, void *context, error *e);
void jobs_unwatch(void *subscription);

/* Reserves places for `count` more jobs, so that what is accepted can be opened. Release them when the jobs are open or
 * will not come. ERROR_BUSY: there are not so many places, or the daemon is stopping. */
bool jobs_reserve(jobs *j, size_t count, error *e);
void jobs_release(jobs *j, size_t count);
/* Opens a job that somebody else queued in the registry; it may be open already, or have ended. */
bool jobs_adopt(jobs *j, const char *id, error *e);
/* Seconds of a running job by its pace so far; NaN: not known. */
typedef struct job_pace {
    double left_s, whole_s;                 /* of its training: what is left, and all of it */
    double scoring_left_s, scoring_whole_s; /* of the scoring that follows; NaN until that begins */
    int threads;                            /* that it has this pace on; 0: nothing is known */
} job_pace;
extern const job_pace job_pace_unknown;
job_pace jobs_pace(const jobs *j, const char *id);
/* Threads of all running jobs together when as many run as may. */
int jobs_capacity(const jobs *j);

/* From now on no job is started. Running ones are told to write a checkpoint, and go back to the queue. */
void jobs_stop(jobs *j);
/* Jobs with a worker or a write under way: what a stopping daemon waits for. */
size_t jobs_active(const jobs *j);
/* Kills the workers that are still there; their last checkpoints remain. */
void jobs_kill(jobs *j);

#endif
