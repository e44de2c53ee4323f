/* SPDX-License-Identifier: MIT */
/* test_job_events.c — what a watcher of a job hears. */
#include "daemon/jobs/events.h"

#include "daemon/platform/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct heard {
    size_t count;
    uint64_t first, last;
    bool ended;
    watcher **leave_at_end; /* unwatches itself at the last event, when set */
} heard;

static void hear(void *context, const job_event *event)
{
    heard *h = context;
    if (!h->count++)
        h->first = event->number;
    else
        assert_int_equal(event->number, h->last + 1);
    h->last = event->number;
    h->ended = event->last;
    if (event->last && h->leave_at_end)
        events_unwatch(*h->leave_at_end);
}

static void push(events *v, bool last)
{
    events_push(v, "log", strdup("{}"), last);
}

static void a_watcher_hears_old_events_and_then_new_ones(void **state)
{
    (void)state;
    events *v = events_new(0);
    push(v, false);
    push(v, false);
    heard h = {0};
    watcher *w = events_watch(v, 1, hear, &h);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.first, 2);
    push(v, true);
    assert_int_equal(h.last, 3);
    assert_true(h.ended);
    assert_true(events_ended(v));
    events_unwatch(w);
    events_free(v);
}

static void only_the_last_events_are_kept(void **state)
{
    (void)state;
    events *v = events_new(0);
    for (int i = 0; i < EVENTS_KEPT + 5; i++)
        push(v, false);
    heard h = {0};
    watcher *w = events_watch(v, 0, hear, &h);
    assert_int_equal(h.count, EVENTS_KEPT);
    assert_int_equal(h.first, 6);
    assert_int_equal(h.last, EVENTS_KEPT + 5);
    events_unwatch(w);
    events_free(v);
}

static void a_number_from_the_future_replays_nothing(void **state)
{
    (void)state;
    events *v = events_new(41);
    push(v, false);
    heard h = {0};
    watcher *w = events_watch(v, UINT64_MAX, hear, &h);
    assert_int_equal(h.count, 0);
    push(v, false);
    assert_int_equal(h.first, 43);
    events_unwatch(w);
    events_free(v);
}

static void a_watcher_may_leave_from_within_its_sink(void **state)
{
    (void)state;
    events *v = events_new(0);
    watcher *w = NULL;
    heard h = {.leave_at_end = &w}, other = {0};
    w = events_watch(v, 0, hear, &h);
    watcher *stays = events_watch(v, 0, hear, &other);
    push(v, true);
    push(v, false);
    assert_int_equal(h.count, 1);
    assert_int_equal(other.count, 2);
    events_unwatch(stays);
    events_free(v);
}

static void events_outlive_their_job_while_watched(void **state)
{
    (void)state;
    events *v = events_new(0);
    push(v, true);
    heard h = {0};
    watcher *w = events_watch(v, 0, hear, &h);
    events_free(v);
    assert_int_equal(h.count, 1);
    events_unwatch(w); /* and frees the ring: the sanitizers watch */
}

static void ids_ascend_within_a_millisecond(void **state)
{
    (void)state;
    id_source s = {0};
    char before[RECORD_ID_MAX] = "", id[RECORD_ID_MAX];
    for (int i = 0; i < 10000; i++) {
        id_make(&s, id);
        assert_true(id_valid(id));
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof before);
    }
    assert_false(id_valid("../../etc/passwd"));
    assert_false(id_valid("0192f0c1-0000-4000-8000-000000000000"));
}

static void names_are_what_the_contract_says(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "digits-3", "a.b_c-d"};
    static const char *const bad[] = {"", "-a", ".hidden", "A", "a/b", "a b", "ä"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(name_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(name_valid(bad[i]));
    char name[RECORD_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    name[63] = 0;
    assert_true(name_valid(name));
    name[63] = 'a';
    name[64] = 0;
    assert_false(name_valid(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_hears_old_events_and_then_new_ones),
        cmocka_unit_test(only_the_last_events_are_kept),
        cmocka_unit_test(a_number_from_the_future_replays_nothing),
        cmocka_unit_test(a_watcher_may_leave_from_within_its_sink),
        cmocka_unit_test(events_outlive_their_job_while_watched),
        cmocka_unit_test(ids_ascend_within_a_millisecond),
        cmocka_unit_test(names_are_what_the_contract_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
