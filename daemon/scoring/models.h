/* SPDX-License-Identifier: MIT */
/*
 * models.h — which models are in memory for scoring, how large they are, and which of them goes when they are more than
 * the budget. Loads and frees nothing itself, and locks nothing: the batcher calls it under its lock.
 */
#ifndef ANOMALYD_DAEMON_SCORING_MODELS_H
#define ANOMALYD_DAEMON_SCORING_MODELS_H

#include "daemon/scoring/batcher.h"

/* A model that is resident or wanted. */
typedef struct resident {
    struct resident *next;
    char name[RECORD_NAME_MAX];
    int version;
    void *model; /* the engine's; NULL: it is not loaded */
    size_t bytes;
    int64_t used_us;           /* when its last batch ended */
    double image_us;           /* what an image took in that batch; 0: not known */
    batch_order *first, **end; /* orders of which not every image is in a batch yet */
    size_t admitted;           /* images admitted and not finished: the length of the queue */
    size_t decoding;           /* orders admitted and not put yet */
    size_t ready;              /* images put and not in a batch yet */
} resident;

typedef struct residents {
    resident *first;
    size_t budget_bytes, count, bytes; /* count and bytes: of those that are loaded */
    uint64_t loads, evictions;
} residents;

resident *residents_find(const residents *m, const char *name, int version);
/* NULL: out of memory. */
resident *residents_find_or_add(residents *m, const char *name, int version);
void residents_set_loaded(residents *m, resident *r, void *loaded, size_t bytes);
/* Of the models with images that wait, the one that has waited longest for its turn; NULL: none has any. */
resident *residents_next_turn(const residents *m);
/* Removes a model that nobody wants and returns it, to be unloaded and freed: one that could not be loaded or, while
 * the models exceed the budget, the one unused the longest. A model that is wanted stays, whatever its size. NULL:
 * nothing is to go. */
resident *residents_pop(residents *m);

#endif
