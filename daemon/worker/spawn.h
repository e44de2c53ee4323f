/* SPDX-License-Identifier: MIT */
/*
 * spawn.h — the child process of a training job, which is this program started as `anomalyd worker`. It reads commands
 * from its stdin, whose end means that the daemon died, and writes events as lines of JSON to its stdout. The end of
 * its stderr is kept to tell how it died. Knows nothing of jobs. Loop thread only.
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
    const char *last_words; /* the last lines of its stderr; borrowed for the call */
} worker_end;

typedef struct worker_host {
    void *context;
    /* A line that the child wrote; borrowed for the call. */
    void (*line)(void *context, const char *line);
    /* The last call: the child is reaped and every line was read. Do not use the worker afterwards. */
    void (*gone)(void *context, const worker_end *end);
} worker_host;

/* Starts a child and sends it `job_line`; copies host. The worker frees itself after host->gone. NULL on failure. */
worker *worker_start(uv_loop_t *uv, const char *job_line, const worker_host *host, error *e);
int worker_pid(const worker *w);
/* Sends a command: "stop" asks for a checkpoint and the end, "threads N" sets the number of threads. Without memory
 * for it the worker is killed. */
void worker_send(worker *w, const char *command);
/* Its end is told by host->gone. */
void worker_kill(worker *w);

#endif
