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

/* Starts `threads` workers, the calling thread being worker 0 during team_run. Every worker flushes
 * denormals to zero. Returns new; free with team_free. */
team *team_new(int threads, error *e);
void team_free(team *t);
int team_threads(const team *t);

/* Number of threads to use when nothing was asked for: the CPUs this process may use (base/machine.h). */
int team_default_threads(void);

/* How many of the team's threads, 1 to all of them, take part from the next loop on; all do at first. Since results are
 * the same at any number, it may change in the middle of anything. Any thread, also during team_run. */
void team_limit(team *t, int threads);
/* The number last set. Any thread. */
int team_active(const team *t);

/* Runs body(context, 0 … chunks-1) on the team and returns when all have finished. Not re-entrant:
 * one thread at a time may use a team. Allocates nothing and takes no lock but the team's own. */
void team_run(team *t, int chunks, team_body *body, void *context);

/* Floats up to the next cache line, at which parts of a scratch or a work space begin. */
static inline size_t team_lines(size_t floats)
{
    return (floats + TEAM_LINE - 1) / TEAM_LINE * TEAM_LINE;
}

/* Makes every worker's scratch at least `floats` floats, 64-byte aligned. Contents are not kept. */
bool team_reserve(team *t, size_t floats, error *e);
float *team_scratch(const team *t, int worker);
/* Bytes of the scratch of all workers together. */
size_t team_bytes(const team *t);

#endif
