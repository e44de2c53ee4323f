/* SPDX-License-Identifier: MIT */
/* test_batcher.c — the scoring thread with an engine of the test's own: an image scores the value of its first pixel.
 */
#include "daemon/scoring/batcher.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIXEL_BAD = 255, IMAGES_MAX = 64 };

/* What the engine saw and what holds it back; all guarded by lock. */
typedef struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;    /* score waits until this is false */
    int image_us; /* what an image takes */
    int scoring;  /* calls of score that have begun */
    int loads, unloads;
    size_t largest; /* batch */
    char order[64]; /* first letters of the models loaded */
    bool woken;
    bool refuse_load;
} fake;

static bool fake_start(void *context, error *e)
{
    (void)context;
    (void)e;
    return true;
}

static void fake_stop(void *context)
{
    (void)context;
}

static void *fake_load(void *context, const char *name, int version, size_t *bytes, error *e)
{
    fake *f = context;
    (void)version;
    if (f->refuse_load) {
        error_set(e, ERROR_CORRUPT, "model %s is damaged", name);
        return NULL;
    }
    pthread_mutex_lock(&f->lock);
    f->order[f->loads++] = name[0];
    pthread_mutex_unlock(&f->lock);
    *bytes = 100;
    return malloc(1);
}

static void fake_unload(void *context, void *which)
{
    fake *f = context;
    pthread_mutex_lock(&f->lock);
    f->unloads++;
    pthread_mutex_unlock(&f->lock);
    free(which);
}

/* A picture is as wide as the score is high. */
static bool fake_score(void *context, void *which, enum explanation kind, const image *pictures, size_t n,
                       float *scores, image *explained, error *e)
{
    fake *f = context;
    (void)which;
    pthread_mutex_lock(&f->lock);
    f->scoring++;
    pthread_cond_broadcast(&f->changed);
    while (f->held)
        pthread_cond_wait(&f->changed, &f->lock);
    if (n > f->largest)
        f->largest = n;
    pthread_mutex_unlock(&f->lock);
    usleep((useconds_t)((int)n * f->image_us));
    for (size_t i = 0; i < n; i++) {
        if (pictures[i].pixels[0] == PIXEL_BAD)
            return error_set(e, ERROR_UNSUPPORTED, "a bad picture");
        scores[i] = (float)pictures[i].pixels[0];
        if (kind != EXPLAIN_NONE)
            explained[i] = (image){.width = (int)scores[i]};
    }
    return true;
}

static bool fake_explains(void *context, void *which, enum explanation kind, error *e)
{
    (void)context;
    (void)which;
    return kind == EXPLAIN_HEATMAP || error_set(e, ERROR_UNSUPPORTED, "no such picture");
}

static void fake_judge(void *context, void *which, double rate, const image *picture, score_result *r)
{
    (void)context;
    (void)which;
    (void)rate;
    r->width = picture->width;
}

static void fake_wake(void *context)
{
    fake *f = context;
    pthread_mutex_lock(&f->lock);
    f->woken = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

typedef struct fixture {
    fake fake;
    batcher *batcher;
    int turn_us;
} fixture;

static void start(fixture *f, int queue, int batch, size_t budget)
{
    batcher_config c = {.engine = {.context = &f->fake,
                                   .start = fake_start,
                                   .stop = fake_stop,
                                   .load = fake_load,
                                   .unload = fake_unload,
                                   .score = fake_score,
                                   .explains = fake_explains,
                                   .judge = fake_judge},
                        .queue_images = queue,
                        .batch_images = batch,
                        .delay_us = 1000,
                        .turn_us = f->turn_us,
                        .budget_bytes = budget,
                        .wake = fake_wake,
                        .wake_context = &f->fake};
    error e = {0};
    f->batcher = batcher_start(&c, &e);
    assert_non_null(f->batcher);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->turn_us = 1000000000; /* no image takes as long as to matter */
    pthread_mutex_init(&f->fake.lock, NULL);
    pthread_cond_init(&f->fake.changed, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    batcher_stop(f->batcher);
    assert_int_equal(f->fake.loads, f->fake.unloads);
    pthread_cond_destroy(&f->fake.changed);
    pthread_mutex_destroy(&f->fake.lock);
    free(f);
    return 0;
}

static void hold(fixture *f, bool held)
{
    pthread_mutex_lock(&f->fake.lock);
    f->fake.held = held;
    pthread_cond_broadcast(&f->fake.changed);
    pthread_mutex_unlock(&f->fake.lock);
}

static void wait_until_scoring(fixture *f, int calls)
{
    pthread_mutex_lock(&f->fake.lock);
    while (f->fake.scoring < calls)
        pthread_cond_wait(&f->fake.changed, &f->fake.lock);
    pthread_mutex_unlock(&f->fake.lock);
}

typedef struct order {
    batch_order o;
    image pictures[IMAGES_MAX];
    image explained[IMAGES_MAX];
    uint8_t pixels[IMAGES_MAX];
    score_result results[IMAGES_MAX];
    int done;
} order;

static void on_done(batch_order *o)
{
    ((order *)o->context)->done++;
}

static order *make(const char *name, size_t count, uint8_t first)
{
    order *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->o.model, sizeof r->o.model, "%s", name);
    r->o.version = 1;
    r->o.count = count;
    r->o.pictures = r->pictures;
    r->o.results = r->results;
    r->o.deadline_ms = INT64_MAX;
    r->o.done = on_done;
    r->o.context = r;
    for (size_t i = 0; i < count; i++) {
        r->pixels[i] = (uint8_t)(first + i);
        r->pictures[i] = (image){.width = 1, .height = 1, .channels = 1, .pixels = &r->pixels[i]};
    }
    return r;
}

static void submit(fixture *f, order *r)
{
    error e = {0};
    if (!batcher_admit(f->batcher, &r->o, &e))
        fail_msg("%s", e.message);
    batcher_put(f->batcher, &r->o);
}

static void await(fixture *f, const order *r)
{
    for (;;) {
        batcher_deliver(f->batcher);
        if (r->done)
            return;
        pthread_mutex_lock(&f->fake.lock);
        while (!f->fake.woken)
            pthread_cond_wait(&f->fake.changed, &f->fake.lock);
        f->fake.woken = false;
        pthread_mutex_unlock(&f->fake.lock);
    }
}

static void an_order_is_scored_image_by_image(void **state)
{
    fixture *f = *state;
    start(f, 100, 4, 1000);
    order *r = make("a", 10, 20);
    submit(f, r);
    await(f, r);
    assert_int_equal(r->o.failure.code, ERROR_NONE);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(r->results[i].failure.code, ERROR_NONE);
        assert_true(r->results[i].score == (float)(20 + i));
        assert_int_equal(r->results[i].width, 1);
    }
    assert_int_equal(f->fake.largest, 4);
    assert_int_equal(batcher_resident_bytes(f->batcher, "a", 1), 100);
    assert_int_equal(batcher_resident_bytes(f->batcher, "a", 2), 0);
    free(r);
}

static order *make_explained(const char *name, size_t count, uint8_t first, enum explanation kind)
{
    order *r = make(name, count, first);
    r->o.explain = kind;
    r->o.explained = r->explained;
    return r;
}

/* Pictures reach the images they are of, a bad image spoils no other, and plain orders share no batch with them. */
static void explained_orders_are_batches_of_their_own(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    hold(f, true);
    order *first = make("a", 1, 0), *plain = make("a", 3, 10), *rest = make("a", 2, 60);
    order *explained = make_explained("a", 4, PIXEL_BAD - 2, EXPLAIN_HEATMAP);
    submit(f, first);
    wait_until_scoring(f, 1);
    submit(f, plain);
    submit(f, explained);
    submit(f, rest);
    hold(f, false);
    await(f, rest);
    assert_int_equal(f->fake.largest, 4);
    assert_true(plain->results[2].score == 12 && rest->results[1].score == 61);
    assert_int_equal(explained->results[2].failure.code, ERROR_UNSUPPORTED);
    assert_int_equal(explained->explained[2].width, 0);
    assert_int_equal(explained->explained[1].width, PIXEL_BAD - 1);
    assert_int_equal(explained->explained[3].width, 0); /* the pixel after the last is 0 */
    assert_int_equal(explained->results[3].failure.code, ERROR_NONE);
    free(first);
    free(plain);
    free(explained);
    free(rest);
}

static void what_a_model_does_not_explain_fails_whole(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    order *r = make_explained("a", 2, 5, EXPLAIN_RECONSTRUCTION);
    submit(f, r);
    await(f, r);
    assert_int_equal(r->o.failure.code, ERROR_UNSUPPORTED);
    assert_string_equal(r->o.failure.message, "no such picture");
    assert_int_equal(f->fake.scoring, 0);
    free(r);
}

static void what_waits_is_scored_together(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    hold(f, true);
    order *first = make("a", 1, 0), *others[10];
    submit(f, first);
    wait_until_scoring(f, 1);
    for (int i = 0; i < 10; i++) {
        others[i] = make("a", 2, (uint8_t)(10 * i));
        submit(f, others[i]);
    }
    hold(f, false);
    for (int i = 0; i < 10; i++) {
        await(f, others[i]);
        assert_true(others[i]->results[1].score == (float)(10 * i + 1));
        free(others[i]);
    }
    assert_int_equal(f->fake.scoring, 2);
    assert_int_equal(f->fake.largest, 20);
    free(first);
}

static void a_slow_model_takes_turns(void **state)
{
    fixture *f = *state;
    f->fake.image_us = 2000;
    f->turn_us = 10000;
    start(f, 100, 64, 1000);
    order *many = make("slow", 60, 0), *one = make("other", 1, 0);
    hold(f, true);
    submit(f, many);
    wait_until_scoring(f, 1);
    submit(f, one);
    hold(f, false);
    await(f, one);
    assert_int_equal(many->done, 0);
    await(f, many);
    assert_true(f->fake.largest <= 8); /* of which it was not known yet how long they take */
    assert_true(f->fake.scoring > 60 / 6);
    assert_true(many->results[59].score == 59);
    free(many);
    free(one);
}

static void a_full_queue_refuses_at_once(void **state)
{
    fixture *f = *state;
    start(f, 4, 4, 1000);
    hold(f, true);
    order *some = make("a", 3, 0), *fills = make("a", 9, 0), *more = make("a", 1, 0), *other = make("b", 1, 0);
    submit(f, some);
    submit(f, fills); /* while it is not full, any number gets in */
    error e = {0};
    assert_false(batcher_admit(f->batcher, &more->o, &e));
    assert_int_equal(e.code, ERROR_BUSY);
    submit(f, other); /* another model has a queue of its own */
    hold(f, false);
    await(f, some);
    await(f, fills);
    await(f, other);
    submit(f, more); /* and there is room again */
    await(f, more);
    free(some);
    free(fills);
    free(more);
    free(other);
}

static void one_bad_image_spoils_no_other(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    order *r = make("a", 3, 7);
    r->pixels[1] = PIXEL_BAD;
    submit(f, r);
    await(f, r);
    assert_true(r->results[0].score == 7 && r->results[2].score == 9);
    assert_int_equal(r->results[0].failure.code, ERROR_NONE);
    assert_int_equal(r->results[1].failure.code, ERROR_UNSUPPORTED);
    free(r);
}

static void an_image_that_was_not_decoded_keeps_its_reason(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    order *r = make("a", 2, 7);
    r->pictures[0].pixels = NULL;
    error_set(&r->results[0].failure, ERROR_CORRUPT, "no PNG");
    submit(f, r);
    await(f, r);
    assert_int_equal(r->results[0].failure.code, ERROR_CORRUPT);
    assert_true(r->results[1].score == 8);
    free(r);
}

static void abandoned_and_late_images_are_not_scored(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    hold(f, true);
    order *first = make("a", 1, 0), *abandoned = make("a", 1, 1), *late = make("a", 1, 2);
    submit(f, first);
    wait_until_scoring(f, 1);
    late->o.deadline_ms = batcher_now_ms() - 1;
    submit(f, abandoned);
    submit(f, late);
    atomic_store(&abandoned->o.abandoned, true);
    hold(f, false);
    await(f, abandoned);
    await(f, late);
    assert_int_equal(abandoned->results[0].failure.code, ERROR_CANCELLED);
    assert_int_equal(late->results[0].failure.code, ERROR_BUSY);
    assert_int_equal(f->fake.scoring, 1);
    batcher_numbers n;
    batcher_measure(f->batcher, &n);
    assert_int_equal(n.images, 1);
    assert_int_equal(n.expired, 1);
    free(first);
    free(abandoned);
    free(late);
}

static void the_model_unused_longest_gives_way(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 250); /* two models of 100 */
    static const char *const names[] = {"a", "b", "a", "c", "a", "b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        order *r = make(names[i], 1, 0);
        submit(f, r);
        await(f, r);
        free(r);
    }
    assert_string_equal(f->fake.order, "abcb");
    batcher_numbers n;
    batcher_measure(f->batcher, &n);
    assert_int_equal(n.resident, 2);
    assert_int_equal(n.resident_bytes, 200);
    assert_int_equal(n.evictions, 2);
}

static void a_model_larger_than_the_budget_still_scores(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 10);
    order *r = make("a", 1, 3);
    submit(f, r);
    await(f, r);
    assert_true(r->results[0].score == 3);
    free(r);
}

static void a_model_that_cannot_be_loaded_fails_its_orders_only(void **state)
{
    fixture *f = *state;
    start(f, 100, 64, 1000);
    f->fake.refuse_load = true;
    order *bad = make("a", 2, 0);
    submit(f, bad);
    await(f, bad);
    assert_int_equal(bad->o.failure.code, ERROR_CORRUPT);
    f->fake.refuse_load = false;
    order *good = make("a", 2, 0);
    submit(f, good);
    await(f, good);
    assert_int_equal(good->o.failure.code, ERROR_NONE);
    free(bad);
    free(good);
}

static void stopping_answers_what_was_queued(void **state)
{
    fixture *f = *state;
    start(f, 100, 2, 1000);
    order *r = make("a", 20, 0);
    submit(f, r);
    batcher_stop(f->batcher);
    f->batcher = NULL;
    assert_int_equal(r->done, 1);
    assert_true(r->results[19].score == 19);
    free(r);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_scored_image_by_image),
        TEST(explained_orders_are_batches_of_their_own),
        TEST(what_a_model_does_not_explain_fails_whole),
        TEST(what_waits_is_scored_together),
        TEST(a_slow_model_takes_turns),
        TEST(a_full_queue_refuses_at_once),
        TEST(one_bad_image_spoils_no_other),
        TEST(an_image_that_was_not_decoded_keeps_its_reason),
        TEST(abandoned_and_late_images_are_not_scored),
        TEST(the_model_unused_longest_gives_way),
        TEST(a_model_larger_than_the_budget_still_scores),
        TEST(a_model_that_cannot_be_loaded_fails_its_orders_only),
        TEST(stopping_answers_what_was_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
