/* SPDX-License-Identifier: MIT */
/* engine.h — the batcher_engine of the daemon: loads models from the registry and scores on a team of threads. */
#ifndef ANOMALYD_DAEMON_SCORING_ENGINE_H
#define ANOMALYD_DAEMON_SCORING_ENGINE_H

#include "daemon/scoring/batcher.h"
#include "daemon/store/store.h"

/* Filled by its owner up to `reader`; the rest is the scoring thread's, until the batcher has stopped. */
typedef struct engine {
    store *store;
    int threads;
    store_reader *reader;
    struct team *team;
} engine;

/* Borrows g. */
batcher_engine engine_calls(engine *g);

#endif
