/* SPDX-License-Identifier: MIT */
/*
 * loop.h — the event loop and what everybody needs of it: work on pool threads, calls at the next turn. Loop thread
 * only, except where said.
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_LOOP_H
#define ANOMALYD_DAEMON_PLATFORM_LOOP_H

#include "base/error.h"

#include <stddef.h>
#include <uv.h>

typedef struct loop loop;
typedef void loop_call(void *context);

loop *loop_new(error *e);
uv_loop_t *loop_uv(loop *l);
/* Runs until loop_end. */
void loop_run(loop *l);
void loop_end(loop *l);
/* Waits for pool work, and asserts that nothing else is left. */
void loop_free(loop *l);

/* Pool work begun and not yet delivered. */
size_t loop_working(const loop *l);

/* Runs work(context) on a pool thread, then after(context) here. When memory is out loop_offload runs both at once,
 * and loop_try_offload runs neither and returns false. */
void loop_offload(loop *l, loop_call *work, loop_call *after, void *context);
bool loop_try_offload(loop *l, loop_call *work, loop_call *after, void *context);

/* Runs call(context) at the next turn. When memory is out loop_defer runs it at once, and loop_try_defer does not run
 * it and returns false. */
void loop_defer(loop *l, loop_call *call, void *context);
bool loop_try_defer(loop *l, loop_call *call, void *context);

#endif
