/* SPDX-License-Identifier: MIT */
/* test_cpus.c — how many jobs run at once, on how many threads each, and whether their memory fits. */
#include "daemon/jobs/cpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { AUTO = -1 };

static void workers_and_what_they_may_have(void **state)
{
    (void)state;
    static const struct {
        cpus c;
        int workers, max_threads, capacity;
    } cases[] = {
        {{.count = 1, .workers = AUTO, .threads = AUTO}, 1, 1, 1},
        {{.count = 2, .workers = AUTO, .threads = AUTO}, 2, 2, 2},
        {{.count = 8, .workers = AUTO, .threads = AUTO}, 8, 8, 8},
        {{.count = 8, .workers = AUTO, .threads = 3}, 2, 3, 6},
        {{.count = 2, .workers = AUTO, .threads = 4}, 1, 4, 4}, /* asked for more than there are */
        {{.count = 8, .workers = 0, .threads = AUTO}, 0, 8, 0},
        {{.count = 8, .workers = 1, .threads = AUTO}, 1, 8, 8},
        {{.count = 2, .workers = 5, .threads = AUTO}, 5, 2, 5},
        {{.count = 4, .workers = 2, .threads = 4}, 2, 4, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cpus_workers(&cases[i].c), cases[i].workers);
        assert_int_equal(cpus_max_threads(&cases[i].c), cases[i].max_threads);
        assert_int_equal(cpus_capacity(&cases[i].c), cases[i].capacity);
    }
}

static void running_jobs_share_the_cpus(void **state)
{
    (void)state;
    static const struct {
        int count, threads, running, share[5];
    } cases[] = {
        {2, AUTO, 1, {2}},       {2, AUTO, 2, {1, 1}},       {8, AUTO, 1, {8}},
        {8, AUTO, 3, {3, 3, 2}}, {4, AUTO, 3, {2, 1, 1}},    {7, AUTO, 5, {2, 2, 1, 1, 1}},
        {1, AUTO, 1, {1}},       {2, AUTO, 4, {1, 1, 1, 1}}, {2, 3, 2, {3, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cpus c = {.count = cases[i].count, .workers = AUTO, .threads = cases[i].threads};
        for (int place = 0; place < cases[i].running; place++)
            assert_int_equal(cpus_share(&c, cases[i].running, place), cases[i].share[place]);
    }
}

/* Whatever the machine, divided CPUs are all used, and none twice while there is one for each job. */
static void no_cpu_is_idle_or_taken_twice(void **state)
{
    (void)state;
    for (int count = 1; count <= 64; count++) {
        cpus c = {.count = count, .workers = AUTO, .threads = AUTO};
        for (int running = 1; running <= cpus_workers(&c); running++) {
            int sum = 0;
            for (int place = 0; place < running; place++)
                sum += cpus_share(&c, running, place);
            assert_int_equal(sum, count);
        }
    }
}

static void a_job_starts_beside_others_where_its_memory_fits(void **state)
{
    (void)state;
    static const struct {
        admission_rule rule;
        uint64_t planned, beside;
        int others;
        enum admission answer;
    } cases[] = {
        {{100, false}, 60, 40, 1, ADMISSION_YES},
        {{100, false}, 61, 40, 1, ADMISSION_WAIT},
        {{100, false}, 101, 0, 0, ADMISSION_YES}, /* alone it may try */
        {{100, false}, 101, 0, 1, ADMISSION_WAIT},
        {{100, false}, 0, 40, 1, ADMISSION_YES}, /* not known: it is judged once it says */
        {{100, false}, 0, 400, 1, ADMISSION_WAIT},
        {{100, true}, 100, 0, 0, ADMISSION_YES},
        {{100, true}, 101, 0, 0, ADMISSION_NEVER},
        {{100, true}, 60, 41, 1, ADMISSION_WAIT},
        {{0, false}, UINT64_MAX, UINT64_MAX, 9, ADMISSION_YES},
        {{100, true}, UINT64_MAX, 40, 1, ADMISSION_NEVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(admission_judge(&cases[i].rule, cases[i].planned, cases[i].beside, cases[i].others),
                         cases[i].answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_and_what_they_may_have),
        cmocka_unit_test(running_jobs_share_the_cpus),
        cmocka_unit_test(no_cpu_is_idle_or_taken_twice),
        cmocka_unit_test(a_job_starts_beside_others_where_its_memory_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
