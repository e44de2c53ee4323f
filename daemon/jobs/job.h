/* SPDX-License-Identifier: MIT */
/* job.h — one open job in memory, and what the files of daemon/jobs do for each other. Internal to them. */
#ifndef ANOMALYD_DAEMON_JOBS_JOB_H
#define ANOMALYD_DAEMON_JOBS_JOB_H

#include "daemon/jobs/events.h"
#include "daemon/jobs/jobs.h"
#include "daemon/jobs/machine.h"
#include "daemon/platform/paths.h"
#include "daemon/worker/spawn.h"

#include <jansson.h>

typedef struct job_request job_request;

typedef struct job {
    struct job *next; /* by creation */
    jobs *owner;
    machine machine;
    job_row row;   /* owned; its state is the machine's, set by the runner alone */
    int64_t token; /* of the latest claim */
    events *log;
    job_request *asking; /* those whose request to cancel is not answered yet, the latest first */
    bool told_waits;     /* an event has told that it waits for memory */

    /* the runner's */
    uint64_t due_ms;           /* when EVENT_TIMER is due, on the loop's clock; 0: no timer runs */
    bool performs;             /* an action is being performed */
    enum machine_event posted; /* by that action: handled after it; EVENT_NONE: nothing was */
    char *failure;             /* row.failure and row.finished of the state that is being written */
    record_time finished;

    /* of its worker */
    worker *child;    /* NULL: it has none */
    uint64_t planned; /* bytes that it plans, or that a job of the same work did; 0: not known */
    job_pace pace;
    uint64_t saved_ms;  /* when its progress was last written */
    error said;         /* the reason that it gave for failing; ERROR_NONE: it gave none */
    uint64_t kept_step; /* of the checkpoint that it left when it failed; 0: none */
    char how[128];      /* how it ended */
    error why;          /* why the last start, write or registration failed; or the last words of a worker that died */
} job;

/* The events of a job that has ended, for those who ask late. */
typedef struct ended_job {
    char id[RECORD_ID_MAX];
    events *log;
} ended_job;

struct jobs {
    jobs_config c;
    char worker_name[96]; /* who holds the leases */
    uv_timer_t clock;     /* the next turn of the queue: see queue.c */
    job *first, **end;
    size_t count;
    size_t reserved; /* places of jobs that are being accepted */
    bool stopping;
    ended_job ended[JOBS_ENDED_KEPT];
    size_t ended_next;
};

/* table.c */
job *job_find(const jobs *j, const char *id);
/* Appends an open job and wakes the queue; takes ownership of what row owns. NULL: no memory (row is untouched). */
job *job_open(jobs *j, job_row *row, uint64_t last_event);
/* Removes a job that has ended; its events stay for a while. */
void job_close(job *b);
/* Pushes the event that tells of the row's state. */
void job_event_state(events *log, const job_row *row);
/* Logs a warning, and pushes it as an event. */
void job_event_log(job *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool job_folder(const job *b, path_text *p, error *e);
/* Takes ownership of o. Returns new: one line of JSON, or NULL. */
char *json_line(json_t *o);

/* runner.c */
/* Tells the machine, and performs what it decides. An event posted by an action is handled after that action. The job
 * may be gone afterwards. */
void job_post(job *b, enum machine_event event);
/* Posts that what was being written is not: EVENT_STORE_FAILED or, when the reason will not pass, _REFUSED. */
void job_post_failure(job *b, const error *failure);

/* queue.c */
void queue_init(jobs *j);
/* At the next turn of the loop the queue starts what can be started. */
void queue_wake(jobs *j);
/* Frees j when the loop has let go of its clock. */
void queue_free(jobs *j);
/* Keeps how many bytes the worker of a job plans, and judges that beside the other running jobs. */
enum admission queue_admit(job *b, uint64_t planned);
/* The threads that a job gets which starts now. */
int queue_share(const jobs *j);

/* progress.c */
/* Reads a line that the worker of a job (context) wrote. */
void progress_read(void *context, const char *line);

/* result.c */
/* Checks the files that a worker left and registers what they hold, then posts what came of it. */
void result_register(job *b);

/* folders.c */
/* Removes a job's folder, on a pool thread. */
void folders_remove(jobs *j, const char *id);
/* Lets a failed job's checkpoint stay, and removes the oldest of those that are more than JOBS_KEPT_MAX; on a pool
 * thread. */
void folders_prune(jobs *j);
/* At the start: prunes, and removes what is no open job's and keeps no checkpoint, for a daemon died before it could.
 */
bool folders_sweep(jobs *j, error *e);

/* requests.c: the requests to cancel in job.asking */
/* Answers the latest, if there is one: with the job as it is at the next turn. */
void cancel_answer(job *b);
/* Answers the latest: it comes too late, for how the job ends is being written. */
void cancel_refuse(job *b);
/* Answers all of them, for what they waited for is written or, with a failure, is not. */
void cancel_answer_written(job *b, const error *failure);

#endif
