/* SPDX-License-Identifier: MIT */
/* engine.h — what the scoring thread scores with: models of the registry, on a team of its own. */
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
