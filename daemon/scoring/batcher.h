/* SPDX-License-Identifier: MIT */
/*
 * batcher.h — the scoring thread: a bounded queue of images for each model, scored in micro-batches. A model is loaded
 * when it is first asked for; when the resident models exceed the budget, the one unused the longest is unloaded.
 * Models take turns of about turn_us. A model that needs seconds for an image, by search, gets as few images a turn as
 * its measured pace allows, so that it keeps no other model waiting for long. Knows models through batcher_engine only,
 * and nothing of HTTP or files.
 *
 * An order is admitted before its images are decoded, so that a full queue refuses at once. A batch waits a little for
 * orders that are being decoded; a thread without such orders does not wait at all.
 */
#ifndef ANOMALYD_DAEMON_SCORING_BATCHER_H
#define ANOMALYD_DAEMON_SCORING_BATCHER_H

#include "api/service.h"
#include "data/image.h"
#include "train/explain.h"

#include <stdatomic.h>

enum { BATCHER_IMAGES_MAX = 256 /* of a batch */, BATCHER_SIZES = 9 /* batch sizes up to 1, 2, 4 … 256 */ };

typedef struct batcher batcher;

/* The images of one request for one model. The owner fills the upper part before batcher_put, and reads the lower part
 * after `done`. It may set `abandoned` at any time. */
typedef struct batch_order {
    char model[RECORD_NAME_MAX];
    int version;
    double false_alarm_rate;
    int64_t deadline_ms; /* of batcher_now_ms; an image that waits longer fails with ERROR_BUSY */
    size_t count;
    image *pictures; /* pixels NULL where decoding failed */
    enum explanation explain;
    image *explained;      /* one for each picture, zeroed; NULL without explanation */
    score_result *results; /* failure set there */
    /* Set by the loop, read by the scoring thread to save work. It guards no other data, so its order is relaxed. */
    atomic_bool abandoned;
    void (*done)(struct batch_order *o); /* by batcher_deliver */
    void *context;

    double queue_ms, compute_ms;
    error failure; /* ERROR_NONE: see each result */

    /* private to the batcher */
    struct batch_order *next;
    struct resident *of;
    size_t taken, left;
    int64_t queued_us;
} batch_order;

/* The engine that loads models and scores with them. All calls are on the scoring thread. */
typedef struct batcher_engine {
    void *context;
    bool (*start)(void *context, error *e); /* once, first */
    void (*stop)(void *context);            /* once, last */
    void *(*load)(void *context, const char *model, int version, size_t *bytes, error *e);
    void (*unload)(void *context, void *model);
    /* Whether the model can explain in this way; if not, *e says why. */
    bool (*explains)(void *context, void *model, enum explanation kind, error *e);
    /* With an explanation it makes a new picture for each; none when it fails. */
    bool (*score)(void *context, void *model, enum explanation kind, const image *pictures, size_t n, float *scores,
                  image *explained, error *e);
    /* Completes a result whose score is set: p-value, percentile, threshold, verdict. */
    void (*judge)(void *context, void *model, double false_alarm_rate, const image *picture, score_result *r);
} batcher_engine;

typedef struct batcher_config {
    batcher_engine engine;
    int queue_images, batch_images;
    int delay_us; /* a batch that could grow waits this long at most */
    int turn_us;  /* a batch takes about this long at most, or is one image */
    size_t budget_bytes;
    void (*wake)(void *context); /* from the scoring thread: batcher_deliver should be called soon */
    void *wake_context;
} batcher_config;

/* Starts the thread; returns when the engine has. */
batcher *batcher_start(const batcher_config *c, error *e);
/* Scores or fails what is queued, joins the thread, delivers the rest. */
void batcher_stop(batcher *b);

/* Reserves room for all o->count images if fewer than queue_images wait for the model; otherwise ERROR_BUSY. */
bool batcher_admit(batcher *b, batch_order *o, error *e);
/* Queues an admitted order whose images are decoded. `done` is called for it later, always. */
void batcher_put(batcher *b, batch_order *o);
/* Runs the callbacks of finished orders. Call on the thread that called batcher_put. */
void batcher_deliver(batcher *b);

int64_t batcher_now_ms(void); /* the clock of deadlines */
/* The memory that the model takes; 0: it is not resident. */
size_t batcher_resident_bytes(batcher *b, const char *model, int version);

typedef struct batcher_numbers {
    uint64_t batches, images, refused, expired, loads, evictions;
    uint64_t sizes[BATCHER_SIZES]; /* batches of at most 2^i images, not counting smaller ones */
    double compute_s;
    size_t waiting, resident, resident_bytes;
    int64_t busy_ms; /* how long the batch under way has taken; 0: none */
} batcher_numbers;
void batcher_measure(batcher *b, batcher_numbers *out);
/* Calls each(context, model, version, bytes, waiting) for every resident or wanted model. */
void batcher_each(batcher *b, void (*each)(void *context, const char *model, int version, size_t bytes, size_t waiting),
                  void *context);

#endif
