/* SPDX-License-Identifier: MIT */
/*
 * team.h — a fixed team of worker threads that runs one loop at a time.
 *
 * Work is cut into a number of chunks that depends on shapes alone, never on the number of threads;
 * chunks may run in any order on any worker, so a body must write only what its chunk owns. Under
 * that rule results are the same bits at any thread count. A team is an object, not a global: every
 * lane of scoring and every training run has its own. It knows nothing of what the chunks compute.
 */
#ifndef ANOMALYD_BASE_TEAM_H
#define ANOMALYD_BASE_TEAM_H

#include "base/error.h"

#include <stddef.h>

enum {
    TEAM_THREADS_MAX = 64,
    TEAM_LINE = 16 /* floats of a cache line */
};

typedef struct team team;

/* `worker` is 0 … team_threads()-1 and names whose scratch the body may use. */
typedef void team_body(void *context, int chunk, int worker);

/* Makes a team of `threads` workers. The thread that calls team_run is its worker 0, so one thread fewer is started.
 * Every worker flushes denormals to zero. Returns new; free with team_free. NULL and *e set on failure. */
team *team_new(int threads, error *e);
void team_free(team *t);
int team_threads(const team *t);

/* Returns the number of threads to use when none was asked for: the CPUs that this process may use (base/machine.h). */
int team_default_threads(void);

/* Sets how many of the team's threads, 1 to all, run chunks from the next loop on; at first all do. It may be called at
 * any time, since results are the same at any number. Any thread, also during team_run. */
void team_limit(team *t, int threads);
/* Returns the number last set. Any thread. */
int team_active(const team *t);

/* Calls body(context, chunk, worker) for chunks 0 … chunks-1 on the team and returns when all have returned. It is not
 * re-entrant, and one thread at a time may call it. It does not allocate, and locks only the team's own mutex. */
void team_run(team *t, int chunks, team_body *body, void *context);

/* Rounds a number of floats up to whole cache lines, at which the areas of a scratch or a work space begin. */
static inline size_t team_lines(size_t floats)
{
    return (floats + TEAM_LINE - 1) / TEAM_LINE * TEAM_LINE;
}

/* Makes every worker's scratch at least `floats` floats, 64-byte aligned. Contents are not kept. Not during team_run.
 */
bool team_reserve(team *t, size_t floats, error *e);
/* Borrows a worker's scratch until the next team_reserve; NULL where none was reserved. */
float *team_scratch(const team *t, int worker);
/* Returns the bytes of the scratch of all workers together. */
size_t team_bytes(const team *t);

#endif
