/* SPDX-License-Identifier: MIT */
/* test_team.c — a team runs every chunk once, on every size of team, and keeps its scratch apart. */
#include "base/team.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNKS_MAX = 1000 };

typedef struct tally {
    atomic_int runs[CHUNKS_MAX];
    atomic_int strangers; /* workers outside 0 … threads-1 */
    int threads;
    int plain[CHUNKS_MAX]; /* written without atomics, each by its chunk's owner */
} tally;

static void count_chunk(void *context, int chunk, int worker)
{
    tally *t = context;
    atomic_fetch_add(&t->runs[chunk], 1);
    t->plain[chunk] += chunk;
    if (worker < 0 || worker >= t->threads)
        atomic_fetch_add(&t->strangers, 1);
}

static void each_chunk_runs_exactly_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 5, TEAM_THREADS_MAX}, chunks[] = {0, 1, 2, 7, CHUNKS_MAX};
    error e = {0};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        team *t = team_new(threads[i], &e);
        assert_non_null(t);
        assert_int_equal(team_threads(t), threads[i]);
        for (size_t j = 0; j < sizeof chunks / sizeof *chunks; j++) {
            tally *counts = calloc(1, sizeof *counts);
            assert_non_null(counts);
            counts->threads = threads[i];
            team_run(t, chunks[j], count_chunk, counts);
            for (int c = 0; c < CHUNKS_MAX; c++) {
                assert_int_equal(atomic_load(&counts->runs[c]), c < chunks[j] ? 1 : 0);
                assert_int_equal(counts->plain[c], c < chunks[j] ? c : 0);
            }
            assert_int_equal(atomic_load(&counts->strangers), 0);
            free(counts);
        }
        team_free(t);
    }
}

static void rounds_that_follow_each_other_closely_do_not_mix(void **state)
{
    (void)state;
    enum { ROUNDS = 5000 };
    error e = {0};
    team *t = team_new(3, &e);
    assert_non_null(t);
    /* Two tallies in turn: a worker that is late for one round must not run its body in the next. */
    tally *counts[2] = {calloc(1, sizeof(tally)), calloc(1, sizeof(tally))};
    assert_non_null(counts[0]);
    assert_non_null(counts[1]);
    counts[0]->threads = counts[1]->threads = 3;
    for (int round = 0; round < ROUNDS; round++)
        team_run(t, 2 + round % 4, count_chunk, counts[round % 2]);
    for (int parity = 0; parity < 2; parity++)
        for (int c = 0; c < 6; c++) {
            int expected = 0;
            for (int round = parity; round < ROUNDS; round += 2)
                expected += c < 2 + round % 4;
            assert_int_equal(atomic_load(&counts[parity]->runs[c]), expected);
            assert_int_equal(counts[parity]->plain[c], c * expected);
        }
    free(counts[0]);
    free(counts[1]);
    team_free(t);
}

typedef struct meeting {
    pthread_barrier_t barrier;
    pthread_t thread[4];
    int worker[4];
} meeting;

static void meet(void *context, int chunk, int worker)
{
    meeting *m = context;
    m->thread[chunk] = pthread_self();
    m->worker[chunk] = worker;
    pthread_barrier_wait(&m->barrier);
}

static void as_many_chunks_as_threads_can_wait_for_each_other(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(4, &e);
    assert_non_null(t);
    for (int round = 0; round < 50; round++) {
        meeting m;
        assert_int_equal(pthread_barrier_init(&m.barrier, NULL, 4), 0);
        team_run(t, 4, meet, &m);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(m.worker[i] == 0, pthread_equal(m.thread[i], pthread_self()));
            for (int j = 0; j < i; j++) {
                assert_false(pthread_equal(m.thread[i], m.thread[j]));
                assert_int_not_equal(m.worker[i], m.worker[j]);
            }
        }
        pthread_barrier_destroy(&m.barrier);
    }
    team_free(t);
}

typedef struct product {
    pthread_barrier_t barrier;
    float tiny; /* squared, it is a denormal */
    float square[2];
} product;

static void multiply(void *context, int chunk, int worker)
{
    (void)worker;
    product *p = context;
    pthread_barrier_wait(&p->barrier);
    p->square[chunk] = p->tiny * p->tiny;
}

static void every_worker_flushes_denormals_and_the_caller_only_meanwhile(void **state)
{
    (void)state;
#if !defined(__SSE2__)
    skip();
#endif
    error e = {0};
    team *t = team_new(2, &e);
    assert_non_null(t);
    product p = {.tiny = 1e-20f, .square = {1, 1}};
    assert_int_equal(pthread_barrier_init(&p.barrier, NULL, 2), 0);
    team_run(t, 2, multiply, &p);
    assert_true(p.square[0] == 0);
    assert_true(p.square[1] == 0);
    float *tiny = &p.tiny;
    __asm__("" : "+m"(*tiny));
    assert_true(*tiny * *tiny > 0);
    pthread_barrier_destroy(&p.barrier);
    team_free(t);
}

static void scratch_is_aligned_apart_and_grows(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(3, &e);
    assert_non_null(t);
    assert_null(team_scratch(t, 0));
    static const size_t sizes[] = {5, 1000, 17};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_true(team_reserve(t, sizes[i], &e));
        for (int worker = 0; worker < 3; worker++) {
            float *scratch = team_scratch(t, worker);
            assert_int_equal((uintptr_t)scratch % 64, 0);
            memset(scratch, worker + 1, sizes[i] * sizeof(float));
        }
        for (int worker = 0; worker < 3; worker++) {
            const unsigned char *bytes = (const unsigned char *)team_scratch(t, worker);
            assert_int_equal(bytes[0], worker + 1);
            assert_int_equal(bytes[sizes[i] * sizeof(float) - 1], worker + 1);
        }
    }
    assert_false(team_reserve(t, SIZE_MAX / 8, &e));
    assert_int_equal(e.code, ERROR_MEMORY);
    assert_non_null(team_scratch(t, 2));
    team_free(t);
}

/* Runs as many chunks as threads, which wait for each other: so all of these take part, and the caller sees which. */
static void expect_all_of(team *t, int threads)
{
    meeting m;
    assert_int_equal(team_active(t), threads);
    assert_int_equal(pthread_barrier_init(&m.barrier, NULL, (unsigned)threads), 0);
    team_run(t, threads, meet, &m);
    int seen = 0;
    for (int i = 0; i < threads; i++)
        seen |= 1 << m.worker[i];
    assert_int_equal(seen, (1 << threads) - 1);
    pthread_barrier_destroy(&m.barrier);
}

static void no_more_than_the_limit_take_part(void **state)
{
    (void)state;
    static const int limits[] = {4, 1, 3, 2, 4, 1, 4, 2};
    error e = {0};
    team *t = team_new(4, &e);
    assert_non_null(t);
    for (int turn = 0; turn < 50; turn++)
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            team_limit(t, limits[i]);
            assert_int_equal(team_threads(t), 4);
            expect_all_of(t, limits[i]);
            tally *counts = calloc(1, sizeof *counts);
            assert_non_null(counts);
            counts->threads = limits[i];
            team_run(t, CHUNKS_MAX, count_chunk, counts);
            assert_int_equal(atomic_load(&counts->strangers), 0);
            free(counts);
        }
    team_free(t);
}

typedef struct changer {
    team *team;
    atomic_bool stop;
} changer;

static void *change_the_limit(void *context)
{
    changer *c = context;
    for (int i = 0; !atomic_load(&c->stop); i++)
        team_limit(c->team, 1 + i % 4);
    return NULL;
}

static void the_limit_may_change_during_loops(void **state)
{
    (void)state;
    enum { ROUNDS = 5000 };
    error e = {0};
    changer c = {.team = team_new(4, &e)};
    pthread_t other;
    tally *counts = calloc(1, sizeof *counts);
    assert_non_null(c.team);
    assert_non_null(counts);
    counts->threads = 4;
    assert_int_equal(pthread_create(&other, NULL, change_the_limit, &c), 0);
    for (int round = 0; round < ROUNDS; round++)
        team_run(c.team, 7, count_chunk, counts);
    atomic_store(&c.stop, true);
    assert_int_equal(pthread_join(other, NULL), 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(atomic_load(&counts->runs[i]), ROUNDS);
    assert_int_equal(atomic_load(&counts->strangers), 0);
    free(counts);
    team_free(c.team);
}

static void a_number_of_threads_out_of_range_is_refused(void **state)
{
    (void)state;
    error e = {0};
    assert_null(team_new(0, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_string_equal(e.message, "threads: expected 1 to 64, got 0");
    assert_null(team_new(TEAM_THREADS_MAX + 1, &e));
    team_free(NULL);
    int threads = team_default_threads();
    assert_in_range(threads, 1, TEAM_THREADS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_chunk_runs_exactly_once),
        cmocka_unit_test(rounds_that_follow_each_other_closely_do_not_mix),
        cmocka_unit_test(as_many_chunks_as_threads_can_wait_for_each_other),
        cmocka_unit_test(every_worker_flushes_denormals_and_the_caller_only_meanwhile),
        cmocka_unit_test(scratch_is_aligned_apart_and_grows),
        cmocka_unit_test(no_more_than_the_limit_take_part),
        cmocka_unit_test(the_limit_may_change_during_loops),
        cmocka_unit_test(a_number_of_threads_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
