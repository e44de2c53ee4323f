/* SPDX-License-Identifier: MIT */
/* test_tested.c — the scores of a run's test images come out of the registry as they went in. */
#include "store_rows.h"

static void run_of(fixture *f, const char *job, char run[RECORD_ID_MAX])
{
    error e = {0};
    job_row row;
    assert_true(store_job_get(f->reader, job, &row, &e));
    memcpy(run, row.run, sizeof row.run);
    job_row_free(&row);
}

static void a_run_keeps_what_its_test_images_scored(void **state)
{
    fixture *f = *state;
    char run[RECORD_ID_MAX];
    run_of(f, train(f, "m", "weights").answer.id, run);
    error e = {0};
    run_test t;
    if (!store_run_test(f->reader, run, &t, &e))
        fail_msg("%s", e.message);
    static const float scores[9] = {0.5f, -1, 2, 3e-38f, 5, 6, 7, 8, 9};
    static const uint8_t anomalous[9] = {1, 0, 0, 1, 1, 0, 1, 0, 1};
    assert_string_equal(t.images, "images");
    assert_int_equal(t.count, 9);
    assert_memory_equal(t.scores, scores, sizeof scores);
    assert_memory_equal(t.anomalous, anomalous, sizeof anomalous);
    run_test_free(&t);
}

static void a_run_without_scores_of_test_images_says_so(void **state)
{
    fixture *f = *state;
    char run[RECORD_ID_MAX];
    run_of(f, train(f, "untested", "weights").answer.id, run);
    error e = {0};
    run_test t;
    assert_false(store_run_test(f->reader, run, &t, &e));
    assert_int_equal(e.code, ERROR_CONFLICT);
    assert_non_null(strstr(e.message, "keeps no scores"));
    assert_false(store_run_test(f->reader, "nobody", &t, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_keeps_what_its_test_images_scored),
        TEST(a_run_without_scores_of_test_images_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
