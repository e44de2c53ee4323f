/* SPDX-License-Identifier: MIT */
/* score.h — the path of a score request: model's name to version, decoding on a pool thread, the batcher, the answer.
 * Loop thread only. */
#ifndef ANOMALYD_DAEMON_SCORING_SCORE_H
#define ANOMALYD_DAEMON_SCORING_SCORE_H

#include "daemon/platform/loop.h"
#include "daemon/scoring/batcher.h"
#include "daemon/store/store.h"

enum { SCORE_DEADLINE_MS = 60000 /* an image that waited this long is not scored any more */ };

typedef struct scoring {
    loop *loop;
    store_reader *reader;
    batcher *batcher;
    size_t active; /* requests not answered yet */
    double decode_s;
} scoring;

/* As score and score_cancel in service.h. */
void *score_start(scoring *s, const char *name, int version, enum explanation explain, const struct score_image *images,
                  size_t count, score_done *done, void *context, error *e);
void score_cancel(void *ticket);

#endif
