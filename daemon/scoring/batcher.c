/* SPDX-License-Identifier: MIT */
/* batcher.c — queues and micro-batches of the scoring thread. */
#include "daemon/scoring/batcher.h"

#include "base/clock.h"
#include "daemon/scoring/models.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_IMAGES = 8 /* of a batch, before the model's pace is known */ };

struct batcher {
    batcher_config c;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* by the monotonic clock */
    /* Guarded by lock: */
    residents models; /* their entries are freed by the scoring thread alone, while nothing waits for them */
    batch_order *finished, **finished_end;
    bool started, stop;
    error start_failure;
    batcher_numbers numbers;
    int64_t batch_start_us; /* 0: none is under way */
};

/* One image of a batch. */
typedef struct place {
    batch_order *order;
    size_t index;
} place;

typedef struct batch {
    resident *of;
    enum explanation explain; /* the same for all of them */
    size_t count, live;
    place places[BATCHER_IMAGES_MAX];      /* count */
    place live_places[BATCHER_IMAGES_MAX]; /* live: those of them that are to be scored */
} batch;

int64_t batcher_now_ms(void)
{
    return clock_now_us() / 1000;
}

/* ---- models */

/* Forgets models that could not be loaded, and unloads others until the budget holds. With the lock held, which is
 * released while the engine works. */
static void keep_budget(batcher *b)
{
    for (resident *r; (r = residents_pop(&b->models));) {
        pthread_mutex_unlock(&b->lock);
        if (r->model)
            b->c.engine.unload(b->c.engine.context, r->model);
        free(r);
        pthread_mutex_lock(&b->lock);
    }
}

/* ---- making a batch, with the lock held */

/* How many images of the model fit into a turn by its pace, at least one. */
static size_t images_max(const batcher *b, const resident *r)
{
    double max = r->image_us > 0 ? b->c.turn_us / r->image_us : FIRST_IMAGES;
    return max < 1 ? 1 : max < b->c.batch_images ? (size_t)max : (size_t)b->c.batch_images;
}

/* Waits for orders whose images are being decoded, until delay_us after the first image came. */
static void wait_for_more(batcher *b, resident *r)
{
    int64_t until = r->first->queued_us + b->c.delay_us;
    struct timespec at = {.tv_sec = until / 1000000, .tv_nsec = (until % 1000000) * 1000};
    while (!b->stop && r->decoding && r->ready < images_max(b, r) && clock_now_us() < until)
        pthread_cond_timedwait(&b->work, &b->lock, &at);
}

/* Whether the image is to be scored; if not, its result says why. */
static bool is_live(batcher *b, batch_order *o, size_t index, int64_t now_ms)
{
    if (atomic_load_explicit(&o->abandoned, memory_order_relaxed)) {
        error_set(&o->results[index].failure, ERROR_CANCELLED, "nobody waits for it any more");
        return false;
    }
    if (o->results[index].failure.code)
        return false;
    if (now_ms < o->deadline_ms)
        return true;
    b->numbers.expired++;
    return error_set(&o->results[index].failure, ERROR_BUSY, "it waited too long to be scored");
}

static void fill_batch(batcher *b, resident *r, batch *t)
{
    int64_t now = clock_now_us();
    const size_t max = images_max(b, r);
    t->of = r;
    t->explain = r->first->explain;
    t->count = t->live = 0;
    while (r->first && r->first->explain == t->explain && t->live < max && t->count < BATCHER_IMAGES_MAX) {
        batch_order *o = r->first;
        if (!o->taken)
            o->queue_ms = (double)(now - o->queued_us) / 1000;
        if (is_live(b, o, o->taken, now / 1000))
            t->live_places[t->live++] = (place){o, o->taken};
        t->places[t->count++] = (place){o, o->taken++};
        r->ready--;
        if (o->taken == o->count) {
            r->first = o->next;
            if (!r->first)
                r->end = &r->first;
        }
    }
}

/* ---- scoring a batch, without the lock */

static bool ask_engine(const batcher *b, const batch *t, const image *pictures, size_t n, float *scores,
                       image *explained, error *e)
{
    const batcher_engine *g = &b->c.engine;
    return g->score(g->context, t->of->model, t->explain, pictures, n, scores, explained, e);
}

static void set_score(batcher *b, const batch *t, place p, float score, const image *explained)
{
    resident *r = t->of;
    score_result *result = &p.order->results[p.index];
    result->score = score;
    if (t->explain != EXPLAIN_NONE)
        p.order->explained[p.index] = *explained;
    b->c.engine.judge(b->c.engine.context, r->model, p.order->false_alarm_rate, &p.order->pictures[p.index], result);
}

static void score_batch(batcher *b, batch *t)
{
    image pictures[BATCHER_IMAGES_MAX], explained[BATCHER_IMAGES_MAX];
    float scores[BATCHER_IMAGES_MAX];
    const place *live = t->live_places;
    const size_t n = t->live;
    for (size_t i = 0; i < n; i++)
        pictures[i] = live[i].order->pictures[live[i].index];
    error e = {0};
    if (ask_engine(b, t, pictures, n, scores, explained, &e)) {
        for (size_t i = 0; i < n; i++)
            set_score(b, t, live[i], scores[i], &explained[i]);
        return;
    }
    /* One image that cannot be scored must not spoil the others': each alone. */
    for (size_t i = 0; i < n; i++) {
        score_result *result = &live[i].order->results[live[i].index];
        if (ask_engine(b, t, &pictures[i], 1, &scores[i], &explained[i], &result->failure))
            set_score(b, t, live[i], scores[i], &explained[i]);
    }
}

static void score_timed(batcher *b, batch *t)
{
    int64_t start = clock_now_us();
    score_batch(b, t);
    t->of->image_us = (double)(clock_now_us() - start) / (double)t->live;
}

static void fail_batch(batch *t, const error *e)
{
    for (size_t i = 0; i < t->live; i++)
        t->live_places[i].order->failure = *e;
}

/* Loads the batch's model where it is not. */
static bool load(batcher *b, resident *r, error *e)
{
    if (r->model)
        return true;
    size_t bytes = 0;
    void *loaded = b->c.engine.load(b->c.engine.context, r->name, r->version, &bytes, e);
    if (!loaded)
        return false;
    pthread_mutex_lock(&b->lock);
    residents_set_loaded(&b->models, r, loaded, bytes);
    pthread_mutex_unlock(&b->lock);
    return true;
}

/* ---- finishing, with the lock held */

static void finish_order(batcher *b, batch_order *o)
{
    o->next = NULL;
    *b->finished_end = o;
    b->finished_end = &o->next;
}

static void finish_batch(batcher *b, batch *t, int64_t start, int64_t end)
{
    batcher_numbers *n = &b->numbers;
    if (t->live) {
        n->batches++;
        n->images += t->live;
        n->compute_s += (double)(end - start) * 1e-6;
        int size = 0;
        while (size < BATCHER_SIZES - 1 && t->live > (size_t)1 << size)
            size++;
        n->sizes[size]++;
    }
    t->of->used_us = end;
    t->of->admitted -= t->count;
    for (size_t i = 0; i < t->count; i++) {
        batch_order *o = t->places[i].order;
        if (i == 0 || o != t->places[i - 1].order)
            o->compute_ms += (double)(end - start) / 1000;
        if (--o->left == 0)
            finish_order(b, o);
    }
}

static void run_batch(batcher *b, batch *t)
{
    resident *r = residents_next_turn(&b->models);
    wait_for_more(b, r);
    fill_batch(b, r, t);
    int64_t start = b->batch_start_us = clock_now_us();
    pthread_mutex_unlock(&b->lock);
    error e = {0};
    const batcher_engine *g = &b->c.engine;
    if (t->live &&
        !(load(b, r, &e) && (t->explain == EXPLAIN_NONE || g->explains(g->context, r->model, t->explain, &e))))
        fail_batch(t, &e);
    else if (t->live)
        score_timed(b, t);
    pthread_mutex_lock(&b->lock);
    b->batch_start_us = 0;
    finish_batch(b, t, start, clock_now_us());
    keep_budget(b);
}

static void unload_all(batcher *b)
{
    while (b->models.first) {
        resident *r = b->models.first;
        assert(!r->admitted);
        b->models.first = r->next;
        if (r->model)
            b->c.engine.unload(b->c.engine.context, r->model);
        free(r);
    }
}

static void *score_all(void *context)
{
    batcher *b = context;
    const batcher_engine *g = &b->c.engine;
    error e = {0};
    bool good = g->start(g->context, &e);
    pthread_mutex_lock(&b->lock);
    b->started = true;
    b->start_failure = e;
    pthread_cond_broadcast(&b->work);
    while (good) {
        while (!residents_next_turn(&b->models) && !b->stop)
            pthread_cond_wait(&b->work, &b->lock);
        if (!residents_next_turn(&b->models))
            break;
        batch t;
        run_batch(b, &t);
        if (b->finished)
            b->c.wake(b->c.wake_context);
    }
    if (good)
        unload_all(b);
    pthread_mutex_unlock(&b->lock);
    if (good)
        g->stop(g->context);
    return NULL;
}

/* ---- the loop's side */

static bool init_locks(batcher *b)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool good = !pthread_mutex_init(&b->lock, NULL) && !pthread_cond_init(&b->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return good;
}

batcher *batcher_start(const batcher_config *c, error *e)
{
    assert(c->batch_images > 0 && c->batch_images <= BATCHER_IMAGES_MAX);
    batcher *b = calloc(1, sizeof *b);
    if (!b || !init_locks(b)) {
        free(b);
        error_memory(e, "the scoring thread");
        return NULL;
    }
    b->c = *c;
    b->models.budget_bytes = c->budget_bytes;
    b->finished_end = &b->finished;
    if (pthread_create(&b->thread, NULL, score_all, b)) {
        error_set(e, ERROR_MEMORY, "the scoring thread: no thread");
        free(b);
        return NULL;
    }
    pthread_mutex_lock(&b->lock);
    while (!b->started)
        pthread_cond_wait(&b->work, &b->lock);
    bool good = !b->start_failure.code;
    pthread_mutex_unlock(&b->lock);
    if (good)
        return b;
    *e = b->start_failure;
    batcher_stop(b);
    return NULL;
}

void batcher_stop(batcher *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_broadcast(&b->work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    batcher_deliver(b);
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

bool batcher_admit(batcher *b, batch_order *o, error *e)
{
    pthread_mutex_lock(&b->lock);
    resident *r = residents_find_or_add(&b->models, o->model, o->version);
    bool fits = r && r->admitted < (size_t)b->c.queue_images;
    if (fits) {
        r->admitted += o->count;
        r->decoding++;
        o->of = r;
    } else if (r) {
        b->numbers.refused++;
        error_set(e, ERROR_BUSY, "%zu images are waiting for model %s:%d", r->admitted, r->name, r->version);
    } else {
        error_memory(e, "a model's queue");
    }
    pthread_mutex_unlock(&b->lock);
    return fits;
}

void batcher_put(batcher *b, batch_order *o)
{
    resident *r = o->of;
    assert(o->count > 0 && r);
    o->next = NULL;
    o->taken = 0;
    o->left = o->count;
    pthread_mutex_lock(&b->lock);
    o->queued_us = clock_now_us();
    r->decoding--;
    r->ready += o->count;
    *r->end = o;
    r->end = &o->next;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
}

void batcher_deliver(batcher *b)
{
    pthread_mutex_lock(&b->lock);
    batch_order *o = b->finished;
    b->finished = NULL;
    b->finished_end = &b->finished;
    pthread_mutex_unlock(&b->lock);
    while (o) {
        batch_order *next = o->next;
        o->done(o);
        o = next;
    }
}

/* ---- measuring */

size_t batcher_resident_bytes(batcher *b, const char *name, int version)
{
    pthread_mutex_lock(&b->lock);
    const resident *r = residents_find(&b->models, name, version);
    size_t bytes = r && r->model ? r->bytes : 0;
    pthread_mutex_unlock(&b->lock);
    return bytes;
}

void batcher_measure(batcher *b, batcher_numbers *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->numbers;
    out->resident = b->models.count;
    out->resident_bytes = b->models.bytes;
    out->loads = b->models.loads;
    out->evictions = b->models.evictions;
    out->waiting = 0;
    for (const resident *r = b->models.first; r; r = r->next)
        out->waiting += r->admitted;
    out->busy_ms = b->batch_start_us ? (clock_now_us() - b->batch_start_us) / 1000 : 0;
    pthread_mutex_unlock(&b->lock);
}

void batcher_each(batcher *b, void (*each)(void *context, const char *model, int version, size_t bytes, size_t waiting),
                  void *context)
{
    pthread_mutex_lock(&b->lock);
    for (const resident *r = b->models.first; r; r = r->next)
        each(context, r->name, r->version, r->bytes, r->admitted);
    pthread_mutex_unlock(&b->lock);
}
