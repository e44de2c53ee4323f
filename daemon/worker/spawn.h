/* SPDX-License-Identifier: MIT */
/*
 * spawn.h — a training job's child process: this program again, as `anomalyd worker`. Commands go down its stdin
 * (whose end tells it that the daemon died), events come up its stdout as JSON lines, its stderr is kept for the
 * obituary. Knows nothing of jobs. Loop thread only.
 */
#ifndef ANOMALYD_DAEMON_WORKER_SPAWN_H
#define ANOMALYD_DAEMON_WORKER_SPAWN_H

#include "base/error.h"

#include <stdint.h>
#include <uv.h>

enum { WORKER_LAST_LINES = 50, WORKER_LAST_BYTES = 16 << 10 };

typedef struct worker worker;

typedef struct worker_end {
    int64_t status;         /* of exit */
    int signal;             /* 0: it exited by itself */
    const char *last_words; /* the end of its stderr; borrowed for the call */
} worker_end;

typedef struct worker_host {
    void *context;
    void (*line)(void *context, const char *line); /* borrowed for the call */
    /* Its last call: the child is reaped and all it said was heard. The worker is not to be used after. */
    void (*gone)(void *context, const worker_end *end);
} worker_host;

/* Starts a child and sends it `job_line`. */
worker *worker_start(uv_loop_t *uv, const char *job_line, const worker_host *host, error *e);
int worker_pid(const worker *w);
/* Sends a command: "stop", to checkpoint and exit; "threads N", to go on with so many. */
void worker_tell(worker *w, const char *command);
void worker_kill(worker *w);

#endif
