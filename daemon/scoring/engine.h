/* SPDX-License-Identifier: MIT */
/* engine.h — the batcher_engine of the daemon: loads models from the registry and scores on a team of threads. */
#ifndef ANOMALYD_DAEMON_SCORING_ENGINE_H
#define ANOMALYD_DAEMON_SCORING_ENGINE_H

#include "daemon/scoring/batcher.h"
#include "daemon/store/store.h"

typedef struct engine engine;

/* Returns new; borrows the store. To be freed after the batcher that used it has stopped. */
engine *engine_new(store *s, int threads, error *e);
void engine_free(engine *g);
batcher_engine engine_calls(engine *g);

#endif
