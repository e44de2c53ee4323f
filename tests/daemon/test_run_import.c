/* SPDX-License-Identifier: MIT */
/* test_run_import.c — runs of another registry: read back as they came, taken once, and all of one or nothing. */
#include "store_rows.h"

#include <stdlib.h>
#include <string.h>

/* With a job of its own, on the data set "set". */
static run_row foreign_run(fixture *f)
{
    static char
        options[] = "{\"k\":2}",
        detail[] =
            "{\"roc\":{},\"epochs\":{\"epoch\":[1,2],\"loss\":[0.5,null],\"other\":[1,0.25]}}"; /* outlive the row */
    run_row r = {.created = 1700000000000,
                 .imported = 1700000001000,
                 .subject.method = "pca",
                 .subject.dataset = "set",
                 .subject.dataset_digest = "d",
                 .subject.protocol = "one-class",
                 .subject.class_name = "zero",
                 .subject.seed = 3,
                 .subject.held_out = 0.25,
                 .subject.test_images = 50,
                 .model = "elsewhere",
                 .version = 7,
                 .auroc = 0.75,
                 .auroc_low = 0.5,
                 .auroc_high = 0.875,
                 .auroc_deviation = NAN,
                 .average_precision = NAN,
                 .epochs = 2,
                 .weights_digest = "w",
                 .code_version = "0",
                 .test_digest = "tested",
                 .scores = {{"l1", 0.75, 0.5, 0.875, NAN}},
                 .score_count = 1,
                 .hyperparameters = options,
                 .detail = detail};
    id_make(&f->ids, r.id);
    id_make(&f->ids, r.job);
    return r;
}

static outcome import(fixture *f, const run_row *r, bool trace)
{
    outcome o;
    error e = {0};
    assert_true(store_run_import(f->store, &(store_import){.run = r, .trace = trace}, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.calls, 1);
    return o;
}

static void it_is_read_back_with_its_job(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_row r = foreign_run(f), got;
    outcome o = import(f, &r, true);
    assert_int_equal(o.failure.code, ERROR_NONE);
    assert_true(o.answer.fresh);
    assert_string_equal(o.answer.id, r.id);
    error e = {0};
    assert_true(store_run_get(f->reader, r.id, &got, &e));
    assert_true(got.created == r.created && got.imported == r.imported && got.subject.held_out == 0.25);
    assert_true(got.auroc == 0.75 && isnan(got.average_precision) && isnan(got.scores[0].average_precision));
    assert_string_equal(got.test_digest, "tested");
    assert_string_equal(got.model, "elsewhere");
    assert_string_equal(got.detail,
                        "{\"roc\":{},\"epochs\":{\"epoch\":[1,2],\"loss\":[0.5,null],\"other\":[1.0,0.25]}}");
    run_row_free(&got);
    job_row job;
    assert_true(store_job_get(f->reader, r.job, &job, &e));
    assert_true(job.state == JOB_SUCCEEDED && job.spec.trace && job.spec.subject.held_out == 0.25 &&
                job.spec.subject.test_images == 50);
    assert_string_equal(job.run, r.id);
    job_row_free(&job);
}

static void it_has_no_model_and_no_scores_of_images(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_row r = foreign_run(f);
    import(f, &r, false);
    run_test test;
    error e = {0};
    assert_false(store_run_test(f->reader, r.id, &test, &e));
    assert_int_equal(e.code, ERROR_CONFLICT);
    model_row m;
    assert_false(store_model_get(f->reader, "elsewhere", 0, &m, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
}

static void the_same_again_changes_nothing(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_row r = foreign_run(f), got;
    import(f, &r, false);
    r.auroc += 1e-15; /* what a decimal may lose */
    r.imported++;
    outcome o = import(f, &r, false);
    assert_int_equal(o.failure.code, ERROR_NONE);
    assert_false(o.answer.fresh);
    error e = {0};
    assert_true(store_run_get(f->reader, r.id, &got, &e));
    assert_true(got.imported == r.imported - 1 && got.auroc == 0.75);
    run_row_free(&got);
    /* One that was made here, too. */
    job_row job;
    outcome made = train(f, "made", "bytes");
    assert_true(store_job_get(f->reader, made.answer.id, &job, &e));
    assert_true(store_run_get(f->reader, job.run, &got, &e));
    o = import(f, &got, false);
    assert_true(o.failure.code == ERROR_NONE && !o.answer.fresh);
    run_row_free(&got);
    job_row_free(&job);
}

static void expect_refused(fixture *f, const run_row *r, enum error_code code)
{
    int before, after;
    record_page page = {.limit = RECORD_PAGE_MAX};
    job_row *jobs = calloc(RECORD_PAGE_MAX, sizeof *jobs);
    error e = {0};
    assert_true(store_job_list(f->reader, &(job_filter){"", "", ""}, &page, jobs, &before, &e));
    assert_int_equal(import(f, r, false).failure.code, code);
    for (int i = 0; i < before; i++)
        job_row_free(&jobs[i]);
    page = (record_page){.limit = RECORD_PAGE_MAX};
    assert_true(store_job_list(f->reader, &(job_filter){"", "", ""}, &page, jobs, &after, &e));
    for (int i = 0; i < after; i++)
        job_row_free(&jobs[i]);
    free(jobs);
    assert_int_equal(before, after);
}

static void what_is_here_is_not_written_over(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_row first = foreign_run(f), r = first;
    import(f, &first, false);
    r.auroc = 0.8;
    expect_refused(f, &r, ERROR_CONFLICT);
    r = first;
    snprintf(r.weights_digest, sizeof r.weights_digest, "others");
    expect_refused(f, &r, ERROR_CONFLICT);
    r = first;
    id_make(&f->ids, r.id); /* another run of the same job */
    expect_refused(f, &r, ERROR_CONFLICT);
    r = foreign_run(f);
    snprintf(r.subject.dataset, sizeof r.subject.dataset, "no such");
    expect_refused(f, &r, ERROR_CONFLICT);
    run_row got;
    error e = {0};
    assert_true(store_run_get(f->reader, first.id, &got, &e));
    assert_true(got.auroc == 0.75);
    run_row_free(&got);
}

static void data_sets_are_found_by_their_images(void **state)
{
    fixture *f = *state;
    add_dataset(f, "older");
    add_dataset(f, "set");
    dataset_row *row = calloc(1, sizeof *row), expected = dataset_named("set");
    error e = {0};
    assert_true(store_dataset_find(f->reader, expected.info.digest, "set", row, &e));
    assert_string_equal(row->name, "set");
    assert_true(store_dataset_find(f->reader, expected.info.digest, "another", row, &e));
    assert_string_equal(row->name, "older");
    assert_false(store_dataset_find(f->reader, "d", "set", row, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
    free(row);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_read_back_with_its_job),        TEST(it_has_no_model_and_no_scores_of_images),
        TEST(the_same_again_changes_nothing),      TEST(what_is_here_is_not_written_over),
        TEST(data_sets_are_found_by_their_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
