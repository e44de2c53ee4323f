/* SPDX-License-Identifier: MIT */
/* job.h — one open job in memory. Internal to jobs*.c. */
#ifndef ANOMALYD_DAEMON_JOBS_JOB_H
#define ANOMALYD_DAEMON_JOBS_JOB_H

#include "daemon/jobs/events.h"
#include "daemon/jobs/jobs.h"
#include "daemon/platform/paths.h"
#include "daemon/worker/spawn.h"

#include <jansson.h>

typedef struct job job;
typedef void job_turn(job *b);
/* A running job without a worker has no result: why. */
typedef void job_unfinished(job *b, const error *why);

struct job {
    struct job *next; /* by creation */
    jobs *owner;
    job_row row; /* owned; its state is the last one that was written or is being written */
    int64_t token;
    int deaths, rests; /* without a checkpoint in between */
    events *log;
    worker *child;  /* NULL: none is running */
    void *grace;    /* timer until the child is killed */
    job_turn *then; /* when `again` is due */
    void *again;    /* timer until a write that failed is tried again, or a death is got over; busy meanwhile */
    job_unfinished *otherwise; /* of job_finish, where that is what is tried again */
    uint64_t planned;          /* bytes its worker said it needs; 0: not known */
    job_pace pace;             /* threads 0: its worker has not said */
    uint64_t saved_ms;         /* when its progress row was last written */
    bool told_waits;           /* that it waits for memory was said */
    bool busy;                 /* a claim, or the registering of its result, is under way */
    bool runs;                 /* counted among the running ones: from its claim to the end of its worker */
    bool cancel_wanted;        /* a client asked, and no state says so yet */
    bool put_back;             /* its worker was told to stop so that it goes on later */
    bool said_done;
    error said;         /* what its worker said when it failed */
    uint64_t kept_step; /* of the checkpoint that its worker then left; 0: none */
};

/* A finished job's events, for those who ask late. */
typedef struct ended_job {
    char id[SERVICE_ID_MAX];
    events *log;
} ended_job;

struct jobs {
    jobs_config c;
    char worker_name[96]; /* who holds the leases */
    job *first, **end;
    size_t count;
    size_t reserved; /* places of jobs that are being accepted */
    int running;     /* how many have `runs` */
    bool stopping;
    ended_job ended[JOBS_ENDED_KEPT];
    size_t ended_next;
};

/* jobs.c */
job *job_find(const jobs *j, const char *id);
/* Appends an open job; takes what row owns. NULL: no memory (row untouched). */
job *job_open(jobs *j, job_row *row, uint64_t last_event);
/* Forgets a job that has ended; its events stay for a while. */
void job_close(job *b);
/* Makes a legal move and writes it; `reply` when it is durable. Illegal moves are assertions. */
void job_move(job *b, enum job_state to, const char *failure, store_reply reply);
/* Writes the move that was made last, once more. */
void job_write_state(job *b, store_reply reply);
void job_event_state(job *b);
void job_event_log(job *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool job_folder(const job *b, path_text *p, error *e);
/* Takes o; as one line of JSON, or NULL. */
char *json_line(json_t *o);

/* jobs_run.c */
void jobs_pump(jobs *j);     /* starts what can be started */
void job_stop_child(job *b); /* asks its worker to checkpoint and exit */

/* jobs_move.c */
/* After a failed write of a busy job: true when its reason passes, and again(b) will be called in a while. */
bool job_retry(job *b, const error *failure, job_turn *again);
/* The job is busy no more. False: it was to be cancelled meanwhile, and is. */
bool job_goes_on(job *b);
/* Moves it to a final state and forgets it. Its files go only once the registry says so: until then a restart needs
 * them. */
void job_end(job *b, enum job_state to, const char *why);
void job_requeue(job *b);
/* What stands in its way may pass, as a full disk does: it goes on after a while, longer each time. */
void job_rest(job *b, const char *how, const char *why);
void job_died(job *b, const char *how, const char *last_words); /* goes on, or gives up */

/* jobs_finish.c */
/* Looks at the files of a running job without a worker: registers the result, or calls otherwise(b, why). */
void job_finish(job *b, job_unfinished *otherwise);
/* Removes a job's folder, on a pool thread. */
void job_clean(jobs *j, const char *id);
/* Lets a failed job's checkpoint stay, and removes the oldest of those that are more than JOBS_KEPT_MAX. */
void jobs_prune(jobs *j);

#endif
