/* SPDX-License-Identifier: MIT */
/* test_id.c — ids ascend, hold the time they were made at, and are told from other text. */
#include "daemon/platform/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t time_of(const char *id)
{
    unsigned high, low;
    assert_int_equal(sscanf(id, "%8x-%4x", &high, &low), 2);
    return (int64_t)high << 16 | low;
}

static unsigned sequence_of(const char *id)
{
    unsigned sequence;
    assert_int_equal(sscanf(id + 14, "7%3x-", &sequence), 1);
    return sequence;
}

static void ids_ascend_and_hold_the_time(void **state)
{
    (void)state;
    enum { IDS = 300 /* fewer than a millisecond has room for */ };
    id_source s = {0};
    char id[ID_SIZE], before[ID_SIZE] = "";
    int64_t start = time_now();
    for (int i = 0; i < IDS; i++) {
        id_make(&s, id);
        assert_true(id_valid(id));
        assert_true(strcmp(before, id) < 0);
        assert_in_range(time_of(id), start, time_now());
        memcpy(before, id, sizeof id);
    }
}

static void a_full_millisecond_goes_on_in_the_next(void **state)
{
    (void)state;
    const int64_t later = time_now() + 3600000; /* the clock was set back by an hour */
    id_source s = {.last_ms = later, .sequence = 0xffe};
    char id[ID_SIZE];
    id_make(&s, id);
    assert_int_equal(time_of(id), later);
    assert_int_equal(sequence_of(id), 0xfff);
    id_make(&s, id);
    assert_int_equal(time_of(id), later + 1);
    assert_int_equal(sequence_of(id), 0);
    id_make(&s, id);
    assert_int_equal(time_of(id), later + 1);
    assert_int_equal(sequence_of(id), 1);
}

static void other_text_is_no_id(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "019c0000-0000-7000-8000-00000000000",
                                      "019c0000-0000-7000-8000-0000000000000",
                                      "019c0000-0000-4000-8000-000000000000",
                                      "019c0000-0000-7000-8000-00000000000g",
                                      "019C0000-0000-7000-8000-000000000000",
                                      "019c0000x0000-7000-8000-000000000000",
                                      "../../../../../../../../../etc/passwd"};
    assert_true(id_valid("019c0000-0000-7000-8000-000000000000"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (id_valid(bad[i]))
            fail_msg("\"%s\" is taken for an id", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_ascend_and_hold_the_time),
        cmocka_unit_test(a_full_millisecond_goes_on_in_the_next),
        cmocka_unit_test(other_text_is_no_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
