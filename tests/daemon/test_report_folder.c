/* SPDX-License-Identifier: MIT */
/* test_report_folder.c — whose files a report replaces and removes: its own, and no others. */
#include "daemon/report/report_folder.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int set_up(void **state)
{
    scratch *s = malloc(sizeof *s);
    assert_non_null(s);
    *s = scratch_make();
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static bool there(const scratch *s, const char *name)
{
    return access(scratch_at(s, name).text, F_OK) == 0;
}

/* Writes a report of these files (NULL: the end), and ends it unless it is cut off. */
static void write_report(const scratch *s, bool whole, const char *const *names)
{
    error e = {0};
    report_folder *f = report_folder_open(scratch_at(s, "report").text, false, &e);
    if (!f)
        fail_msg("%s", e.message);
    for (; *names; names++)
        assert_true(report_folder_write(f, *names, *names, strlen(*names), &e));
    if (whole)
        assert_true(report_folder_commit(f, &e));
    report_folder_free(f);
}
#define WRITE(s_, whole_, ...) write_report(s_, whole_, (const char *const[]){__VA_ARGS__, NULL})

static void a_later_report_replaces_an_earlier_one(void **state)
{
    const scratch *s = *state;
    WRITE(s, true, "page", "runs/one", "runs/two");
    scratch_write(s, "report/runs/mine", "mine", 4);
    WRITE(s, true, "page", "runs/two", "charts/three");
    assert_false(there(s, "report/runs/one"));
    assert_true(there(s, "report/runs/two"));
    assert_true(there(s, "report/charts/three"));
    assert_true(there(s, "report/runs/mine"));
    WRITE(s, true, "page");
    assert_true(there(s, "report/runs/mine"));
    assert_false(there(s, "report/charts"));
}

static void what_a_report_that_was_cut_off_left_is_removed_later(void **state)
{
    const scratch *s = *state;
    WRITE(s, true, "page", "runs/one");
    WRITE(s, false, "runs/two");
    assert_true(there(s, "report/runs/one"));
    assert_true(there(s, "report/runs/two"));
    WRITE(s, true, "page");
    assert_false(there(s, "report/runs/one"));
    assert_false(there(s, "report/runs/two"));
}

static void a_folder_of_others_is_left_alone(void **state)
{
    const scratch *s = *state;
    error e = {0};
    scratch_write(s, "report/page", "mine", 4);
    assert_null(report_folder_open(scratch_at(s, "report").text, false, &e));
    assert_int_equal(e.code, ERROR_CONFLICT);
    assert_false(there(s, "report/" REPORT_MARKER));
    report_folder *f = report_folder_open(scratch_at(s, "report").text, true, &e);
    assert_non_null(f);
    assert_true(report_folder_write(f, "other", "x", 1, &e));
    assert_true(report_folder_commit(f, &e));
    report_folder_free(f);
    assert_true(there(s, "report/page"));
}

static void a_file_that_only_looks_like_a_marker_is_none(void **state)
{
    const scratch *s = *state;
    error e = {0};
    scratch_write(s, "report/" REPORT_MARKER, "page\n", 5);
    assert_null(report_folder_open(scratch_at(s, "report").text, false, &e));
    assert_int_equal(e.code, ERROR_CONFLICT);
}

static void an_edited_marker_removes_nothing_outside(void **state)
{
    const scratch *s = *state;
    scratch_write(s, "mine", "mine", 4);
    WRITE(s, false, "page");
    scratch_write(s, "report/deep/er/mine", "mine", 4);
    FILE *marker = fopen(scratch_at(s, "report/" REPORT_MARKER).text, "a");
    assert_non_null(marker);
    fprintf(marker, "../mine\nruns/../../mine\n%s\ndeep/er/mine\n/\ndeep/\n.\n", scratch_at(s, "mine").text);
    assert_int_equal(fclose(marker), 0);
    WRITE(s, true, "page");
    assert_true(there(s, "mine"));
    assert_true(there(s, "report/deep/er/mine"));
}

static void a_path_that_cannot_be_a_folder_is_named(void **state)
{
    const scratch *s = *state;
    error e = {0};
    scratch_write(s, "file", "x", 1);
    assert_null(report_folder_open(scratch_at(s, "file").text, false, &e));
    assert_non_null(strstr(e.message, "/file"));
    assert_null(report_folder_open(scratch_at(s, "none/report").text, false, &e));
    assert_non_null(strstr(e.message, "none/report"));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_later_report_replaces_an_earlier_one),   TEST(what_a_report_that_was_cut_off_left_is_removed_later),
        TEST(a_folder_of_others_is_left_alone),         TEST(a_file_that_only_looks_like_a_marker_is_none),
        TEST(an_edited_marker_removes_nothing_outside), TEST(a_path_that_cannot_be_a_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
