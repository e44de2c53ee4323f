/* SPDX-License-Identifier: MIT */
/* test_table.c — means, deviations, medians and best marks of a table, against values worked out by hand. */
#include "eval/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12))
        fail_msg("%.15g, expected %.15g", got, expected);
}

static table *make(int rows, int columns, int layers)
{
    error e = {0};
    table *t = table_new(rows, columns, layers, &e);
    if (!t)
        fail_msg("%s", e.message);
    return t;
}

static void put_row(table *t, int row, int columns, const double *values)
{
    for (int c = 0; c < columns; c++)
        table_put(t, row, c, 0, values[c]);
}

static void a_cell_is_the_mean_over_seeds_with_the_samples_deviation(void **state)
{
    (void)state;
    table *t = make(1, 1, 3);
    /* Mean 0.9; squares 0.01, 0, 0.01 over 2. */
    table_put(t, 0, 0, 0, 0.8);
    table_put(t, 0, 0, 1, 0.9);
    table_put(t, 0, 0, 2, 1.0);
    table_finish(t);
    table_figure f = table_cell(t, 0, 0);
    assert_int_equal(f.count, 3);
    assert_near(f.mean, 0.9);
    assert_near(f.deviation, 0.1);
    table_free(t);
}

static void one_seed_has_no_deviation(void **state)
{
    (void)state;
    table *t = make(1, 2, 1);
    put_row(t, 0, 2, (const double[]){0.5, 0.75});
    table_finish(t);
    assert_near(table_cell(t, 0, 1).mean, 0.75);
    assert_true(isnan(table_cell(t, 0, 1).deviation));
    assert_near(table_row_mean(t, 0).mean, 0.625);
    assert_true(isnan(table_row_mean(t, 0).deviation));
    table_free(t);
}

/* The deviation of a row's mean is over repetitions of the row, not over its classes nor over all of its values. */
static void a_rows_deviation_is_that_of_its_seeds_means(void **state)
{
    (void)state;
    table *t = make(1, 2, 2);
    table_put(t, 0, 0, 0, 0.9); /* seed 0: (0.9 + 0.5) / 2 = 0.7 */
    table_put(t, 0, 1, 0, 0.5);
    table_put(t, 0, 0, 1, 0.7); /* seed 1: (0.7 + 0.9) / 2 = 0.8 */
    table_put(t, 0, 1, 1, 0.9);
    table_finish(t);
    table_figure mean = table_row_mean(t, 0), median = table_row_median(t, 0);
    assert_near(mean.mean, 0.75);
    assert_int_equal(mean.count, 2);
    assert_near(mean.deviation, sqrt(0.005)); /* 2 * 0.05² over 1 */
    assert_near(median.mean, 0.75);           /* of 0.8 and 0.7 */
    assert_true(isnan(median.deviation));
    table_free(t);
}

/* A row of ten whose mean is 8.073 / 10, its middle two being 0.825 and 0.844. */
static void mean_and_median_of_ten_are_not_confused(void **state)
{
    (void)state;
    table *t = make(1, 10, 1);
    put_row(t, 0, 10, (const double[]){0.855, 0.996, 0.710, 0.693, 0.844, 0.776, 0.861, 0.844, 0.669, 0.825});
    table_finish(t);
    assert_near(table_row_mean(t, 0).mean, 0.8073);
    assert_near(table_row_median(t, 0).mean, 0.8345);
    assert_int_equal(table_row_median(t, 0).count, 10);
    assert_near(table_cell(t, 0, 8).mean, 0.669); /* in its place still */
    table_free(t);
}

static void the_median_of_an_odd_number_is_the_middle_one(void **state)
{
    (void)state;
    table *t = make(1, 3, 1);
    put_row(t, 0, 3, (const double[]){0.9, 0.1, 0.6});
    table_finish(t);
    assert_near(table_row_median(t, 0).mean, 0.6);
    table_free(t);
}

static void the_best_of_each_column_is_marked(void **state)
{
    (void)state;
    table *t = make(2, 2, 1);
    put_row(t, 0, 2, (const double[]){0.9, 0.6});
    put_row(t, 1, 2, (const double[]){0.8, 0.8});
    table_finish(t);
    assert_true(table_cell(t, 0, 0).best && !table_cell(t, 1, 0).best);
    assert_true(!table_cell(t, 0, 1).best && table_cell(t, 1, 1).best);
    assert_true(!table_row_mean(t, 0).best && table_row_mean(t, 1).best); /* 0.75 and 0.8 */
    assert_true(!table_row_median(t, 0).best && table_row_median(t, 1).best);
    table_free(t);
}

static void what_looks_the_same_is_equally_good(void **state)
{
    (void)state;
    table *t = make(3, 1, 1);
    table_put(t, 0, 0, 0, 0.98112); /* 0.981 */
    table_put(t, 1, 0, 0, 0.98148); /* 0.981 */
    table_put(t, 2, 0, 0, 0.98049); /* 0.980 */
    table_finish(t);
    assert_true(table_cell(t, 0, 0).best && table_cell(t, 1, 0).best);
    assert_false(table_cell(t, 2, 0).best);
    table_free(t);
}

static void what_is_alone_in_its_column_is_not_the_best(void **state)
{
    (void)state;
    table *t = make(2, 2, 1);
    put_row(t, 0, 2, (const double[]){0.9, 0.8});
    put_row(t, 1, 2, (const double[]){NAN, 0.7});
    table_finish(t);
    assert_false(table_cell(t, 0, 0).best);
    assert_true(table_cell(t, 0, 1).best);
    assert_false(table_row_mean(t, 0).best); /* the other row has none */
    table_free(t);
}

static void a_row_with_a_missing_cell_has_no_mean(void **state)
{
    (void)state;
    table *t = make(2, 3, 1);
    put_row(t, 0, 3, (const double[]){0.9, NAN, 0.8});
    put_row(t, 1, 3, (const double[]){0.3, 0.6, 0.9});
    table_finish(t);
    table_figure missing = table_cell(t, 0, 1);
    assert_int_equal(missing.count, 0);
    assert_true(isnan(missing.mean) && isnan(missing.deviation) && !missing.best);
    assert_true(isnan(table_row_mean(t, 0).mean) && isnan(table_row_median(t, 0).mean));
    assert_near(table_row_mean(t, 1).mean, 0.6);
    table_free(t);
}

static void a_cell_that_lacks_a_seed_says_so_and_its_row_has_no_mean(void **state)
{
    (void)state;
    table *t = make(1, 2, 2);
    table_put(t, 0, 0, 0, 0.5);
    table_put(t, 0, 0, 1, 0.7);
    table_put(t, 0, 1, 0, 0.9);
    table_put(t, 0, 1, 1, INFINITY);
    table_finish(t);
    assert_int_equal(table_cell(t, 0, 1).count, 1);
    assert_near(table_cell(t, 0, 1).mean, 0.9);
    assert_true(isnan(table_row_mean(t, 0).mean));
    table_put(t, 0, 1, 1, 0.7);
    table_finish(t);
    assert_near(table_row_mean(t, 0).mean, 0.7); /* 0.7 and 0.7 */
    assert_near(table_row_mean(t, 0).deviation, 0);
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_is_the_mean_over_seeds_with_the_samples_deviation),
        cmocka_unit_test(one_seed_has_no_deviation),
        cmocka_unit_test(a_rows_deviation_is_that_of_its_seeds_means),
        cmocka_unit_test(mean_and_median_of_ten_are_not_confused),
        cmocka_unit_test(the_median_of_an_odd_number_is_the_middle_one),
        cmocka_unit_test(the_best_of_each_column_is_marked),
        cmocka_unit_test(what_looks_the_same_is_equally_good),
        cmocka_unit_test(what_is_alone_in_its_column_is_not_the_best),
        cmocka_unit_test(a_row_with_a_missing_cell_has_no_mean),
        cmocka_unit_test(a_cell_that_lacks_a_seed_says_so_and_its_row_has_no_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
