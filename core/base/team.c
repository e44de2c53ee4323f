/* SPDX-License-Identifier: MIT */
/*
 * team.c — worker threads that share out the chunks of one loop at a time. Knows threads and their
 * scratch memory, not what a chunk computes.
 *
 * Each loop is a round. Opening a round publishes its body under the lock. While it is open a worker enters under the
 * same lock, runs chunks by an atomic counter until none is left, and leaves. The caller closes the round when it finds
 * no more chunks itself, and then waits only for the workers inside. A worker that wakes too late finds the round
 * closed, and nobody waits for it.
 */
#include "base/team.h"

#include "base/machine.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum {
    SCRATCH_ALIGN = TEAM_LINE * sizeof(float),
    /* Polls before a thread sleeps: a few microseconds, the gap between two loops of one step. */
    POLLS_MAX = 200
};

typedef struct member {
    team *owner;
    int worker;
} member;

struct team {
    int threads;
    int started; /* threads of our own that run; the caller is not one of them */
    pthread_t thread[TEAM_THREADS_MAX];
    member members[TEAM_THREADS_MAX];
    float *scratch; /* threads × scratch_floats */
    size_t scratch_floats;

    pthread_mutex_t lock;
    pthread_cond_t opened; /* a round was opened, or the team stops */
    pthread_cond_t raised; /* more workers may take part, or the team stops */
    pthread_cond_t left;   /* the last worker left the round */

    /* Guarded by lock. */
    team_body *body;
    void *context;
    int chunks;
    bool is_open;
    bool is_stopping;
    bool is_caller_asleep;
    int asleep; /* workers waiting for `opened` */

    /* Written under the lock, but polled without it. A poll is only a hint; what is read under the lock decides. */
    atomic_uint round;
    atomic_int active; /* workers with a lower number run chunks; the caller always does */
    atomic_int inside; /* workers in the round, besides the caller */

    /* The first chunk that no worker has begun. Relaxed, since entering and leaving under the lock order the data. */
    atomic_int next;
};

static void relax(void)
{
#if defined(__SSE2__)
    _mm_pause();
#endif
}

/* Makes the thread treat denormals as zero and returns what to hand to denormals_restore. */
static unsigned denormals_flush(void)
{
#if defined(__SSE2__)
    unsigned before = _mm_getcsr();
    const unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    _mm_setcsr(before | flush_to_zero | denormals_are_zero);
    return before;
#else
    return 0;
#endif
}

static void denormals_restore(unsigned before)
{
#if defined(__SSE2__)
    /* Only the mode bits are restored, so that exceptions raised meanwhile stay raised. */
    const unsigned mode = 0x8040;
    _mm_setcsr((_mm_getcsr() & ~mode) | (before & mode));
#else
    (void)before;
#endif
}

static void run_chunks(team *t, team_body *body, void *context, int chunks, int worker)
{
    int chunk;
    while ((chunk = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed)) < chunks)
        body(context, chunk, worker);
}

/* Waits until a round other than `seen` opens that the worker may enter. On true the worker is inside the round and
 * holds the lock; false when the team stops. */
static bool enter_round(team *t, int worker, unsigned *seen)
{
    for (int i = 0;
         i < POLLS_MAX && worker < team_active(t) && atomic_load_explicit(&t->round, memory_order_relaxed) == *seen;
         i++)
        relax();
    pthread_mutex_lock(&t->lock);
    for (;;) {
        if (t->is_stopping) {
            pthread_mutex_unlock(&t->lock);
            return false;
        }
        if (worker >= team_active(t)) {
            pthread_cond_wait(&t->raised, &t->lock);
            continue;
        }
        unsigned round = atomic_load_explicit(&t->round, memory_order_relaxed);
        if (round != *seen) {
            *seen = round;
            if (t->is_open)
                break;
        }
        t->asleep++;
        pthread_cond_wait(&t->opened, &t->lock);
        t->asleep--;
    }
    atomic_fetch_add_explicit(&t->inside, 1, memory_order_relaxed);
    return true;
}

static void *work(void *argument)
{
    const member *self = argument;
    team *t = self->owner;
    denormals_flush();
    unsigned seen = 0;
    while (enter_round(t, self->worker, &seen)) {
        team_body *body = t->body;
        void *context = t->context;
        int chunks = t->chunks;
        pthread_mutex_unlock(&t->lock);
        run_chunks(t, body, context, chunks, self->worker);
        pthread_mutex_lock(&t->lock);
        int others = atomic_fetch_sub_explicit(&t->inside, 1, memory_order_relaxed) - 1;
        if (others == 0 && t->is_caller_asleep)
            pthread_cond_signal(&t->left);
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

/* Starts a worker with all signals blocked: the program's other threads handle them. */
static int start_worker(team *t, int worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->members[worker] = (member){.owner = t, .worker = worker};
    int failure = pthread_create(&t->thread[worker], NULL, work, &t->members[worker]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return failure;
    char name[32];
    snprintf(name, sizeof name, "team-%d", worker);
    pthread_setname_np(t->thread[worker], name);
    t->started++;
    return 0;
}

team *team_new(int threads, error *e)
{
    if (threads < 1 || threads > TEAM_THREADS_MAX) {
        error_set(e, ERROR_INVALID, "threads: expected 1 to %d, got %d", TEAM_THREADS_MAX, threads);
        return NULL;
    }
    team *t = calloc(1, sizeof *t);
    if (!t) {
        error_memory(e, "a thread team");
        return NULL;
    }
    t->threads = threads;
    atomic_init(&t->active, threads);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->opened, NULL);
    pthread_cond_init(&t->raised, NULL);
    pthread_cond_init(&t->left, NULL);
    for (int worker = 1; worker < threads; worker++) {
        int failure = start_worker(t, worker);
        if (failure) {
            char reason[128];
            error_set(e, ERROR_MEMORY, "cannot start thread %d of %d: %s", worker + 1, threads,
                      strerror_r(failure, reason, sizeof reason));
            team_free(t);
            return NULL;
        }
    }
    return t;
}

void team_free(team *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    pthread_cond_broadcast(&t->opened);
    pthread_cond_broadcast(&t->raised);
    pthread_mutex_unlock(&t->lock);
    for (int worker = 1; worker <= t->started; worker++)
        pthread_join(t->thread[worker], NULL);
    pthread_cond_destroy(&t->left);
    pthread_cond_destroy(&t->raised);
    pthread_cond_destroy(&t->opened);
    pthread_mutex_destroy(&t->lock);
    free(t->scratch);
    free(t);
}

int team_threads(const team *t)
{
    return t->threads;
}

int team_default_threads(void)
{
    int count = machine_cpus();
    return count > TEAM_THREADS_MAX ? TEAM_THREADS_MAX : count;
}

void team_limit(team *t, int threads)
{
    assert(threads >= 1 && threads <= t->threads);
    pthread_mutex_lock(&t->lock);
    atomic_store_explicit(&t->active, threads, memory_order_relaxed);
    /* Workers wait for `opened` or for `raised` by their number, so all must look at the limit again. */
    pthread_cond_broadcast(&t->opened);
    pthread_cond_broadcast(&t->raised);
    pthread_mutex_unlock(&t->lock);
}

int team_active(const team *t)
{
    return atomic_load_explicit(&t->active, memory_order_relaxed);
}

static void open_round(team *t, int chunks, team_body *body, void *context)
{
    pthread_mutex_lock(&t->lock);
    assert(!t->is_open);
    t->body = body;
    t->context = context;
    t->chunks = chunks;
    t->is_open = true;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->round, 1, memory_order_relaxed);
    int wanted = t->asleep < chunks - 1 ? t->asleep : chunks - 1;
    for (int i = 0; i < wanted; i++)
        pthread_cond_signal(&t->opened);
    pthread_mutex_unlock(&t->lock);
}

static void close_round(team *t)
{
    for (int i = 0; i < POLLS_MAX && atomic_load_explicit(&t->inside, memory_order_relaxed) > 0; i++)
        relax();
    pthread_mutex_lock(&t->lock);
    t->is_open = false;
    t->is_caller_asleep = true;
    while (atomic_load_explicit(&t->inside, memory_order_relaxed) > 0)
        pthread_cond_wait(&t->left, &t->lock);
    t->is_caller_asleep = false;
    pthread_mutex_unlock(&t->lock);
}

void team_run(team *t, int chunks, team_body *body, void *context)
{
    assert(chunks >= 0);
    unsigned before = denormals_flush();
    if (team_active(t) == 1 || chunks <= 1) {
        for (int chunk = 0; chunk < chunks; chunk++)
            body(context, chunk, 0);
    } else {
        open_round(t, chunks, body, context);
        run_chunks(t, body, context, chunks, 0);
        close_round(t);
    }
    denormals_restore(before);
}

bool team_reserve(team *t, size_t floats, error *e)
{
    if (floats <= t->scratch_floats)
        return true;
    if (floats > SIZE_MAX / sizeof(float) / TEAM_THREADS_MAX - TEAM_LINE)
        return error_memory(e, "the workers' scratch");
    size_t rounded = team_lines(floats);
    float *scratch = aligned_alloc(SCRATCH_ALIGN, rounded * sizeof(float) * (size_t)t->threads);
    if (!scratch)
        return error_memory(e, "the workers' scratch");
    free(t->scratch);
    t->scratch = scratch;
    t->scratch_floats = rounded;
    return true;
}

float *team_scratch(const team *t, int worker)
{
    assert(worker >= 0 && worker < t->threads);
    return t->scratch ? t->scratch + (size_t)worker * t->scratch_floats : NULL;
}

size_t team_bytes(const team *t)
{
    return t->scratch_floats * sizeof(float) * (size_t)t->threads;
}
