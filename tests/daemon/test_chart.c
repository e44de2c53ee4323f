/* SPDX-License-Identifier: MIT */
/* test_chart.c — ticks, labels, and the three charts with full, empty and broken data. */
#include "daemon/report/chart.h"

#include "daemon/report/charts.h"
#include "daemon/xml_form.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t times(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* Takes the text of a chart. */
static void expect_drawn(char *text, const char *words)
{
    assert_non_null(text);
    assert_null(xml_fault(text));
    assert_null(strstr(text, "nan"));
    if (words && !strstr(text, words))
        fail_msg("the chart does not say \"%s\"", words);
    free(text);
}

/* ---- pieces */

static void expect_ticks(double low, double high, int most, const char *labels)
{
    chart_ticks t;
    char found[CHART_TICKS_MAX * 24] = "";
    size_t used = 0;
    chart_ticks_find(&t, low, high, most);
    for (int i = 0; i < t.count; i++)
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", i ? " " : "", t.labels[i]);
    assert_string_equal(found, labels);
}

static void ticks_are_round(void **state)
{
    (void)state;
    expect_ticks(0, 1, 7, "0.0 0.2 0.4 0.6 0.8 1.0");
    expect_ticks(0.35, 1, 7, "0.4 0.5 0.6 0.7 0.8 0.9 1.0");
    expect_ticks(-0.012, 0.047, 7, "-0.01 0.00 0.01 0.02 0.03 0.04");
    expect_ticks(0, 167, 7, "0 50 100 150");
    expect_ticks(3e7, 9e7, 7, "3e+07 4e+07 5e+07 6e+07 7e+07 8e+07 9e+07");
    expect_ticks(0, 3e-9, 7, "0 5e-10 1e-09 1.5e-09 2e-09 2.5e-09 3e-09");
}

static void a_range_that_is_none_has_no_ticks(void **state)
{
    (void)state;
    expect_ticks(1, 1, 7, "");
    expect_ticks(2, 1, 7, "");
    expect_ticks(NAN, 1, 7, "");
    expect_ticks(0, INFINITY, 7, "");
}

static void ticks_lie_in_their_range_and_are_not_too_many(void **state)
{
    (void)state;
    for (int most = 3; most <= CHART_TICKS_MAX; most++)
        for (int i = 1; i < 500; i++) {
            chart_ticks t;
            double low = -0.37 * i, high = low + 1e-4 * i * i;
            chart_ticks_find(&t, low, high, most);
            assert_in_range(t.count, 1, most);
            for (int k = 0; k < t.count; k++)
                assert_true(t.values[k] >= low - 1e-9 * i && t.values[k] <= high + 1e-9 * i);
        }
}

static void long_labels_are_cut_between_letters(void **state)
{
    (void)state;
    char out[CHART_LABEL_MAX];
    assert_string_equal(chart_label(out, "short", 5), "short");
    assert_string_equal(chart_label(out, "longer", 5), "long…");
    assert_string_equal(chart_label(out, "éééééé", 3), "éé…");
    assert_string_equal(chart_label(out, "", 3), "");
    char large[4 * CHART_LABEL_MAX];
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = 0;
    assert_true(strlen(chart_label(out, large, 1000)) < CHART_LABEL_MAX);
}

static void no_two_of_many_methods_look_alike(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < i; k++)
            assert_false(chart_colour(i) == chart_colour(k) && chart_dash(i) == chart_dash(k));
}

/* ---- ROC curves */

static void every_curve_is_in_the_chart_and_its_legend(void **state)
{
    (void)state;
    const double x[] = {0, 0.2, 1}, y[] = {0, 0.9, 1};
    const roc_curve curves[] = {{"kde", 0.876, 0.8, 0.95, x, y, 3}, {"pca", 0.5, NAN, NAN, x, y, 3}};
    const roc_chart c = {"ROC: class <3>", "digits", curves, 2};
    error e = {0};
    size_t size;
    char *text = chart_roc(&c, &size, &e);
    assert_non_null(text);
    assert_int_equal(times(text, "<polyline"), 2);
    assert_non_null(strstr(text, "0.876 (0.800 to 0.950)"));
    assert_non_null(strstr(text, "stroke-dasharray=\"4 4\"")); /* the diagonal */
    expect_drawn(text, "class &lt;3&gt;");
}

static void a_roc_chart_says_which_curve_is_missing(void **state)
{
    (void)state;
    const double point = 0;
    const roc_curve curves[] = {{"none", NAN, NAN, NAN, NULL, NULL, 0}, {"single", NAN, NAN, NAN, &point, &point, 1}};
    error e = {0};
    size_t size;
    expect_drawn(chart_roc(&(roc_chart){"one", "", curves, 2}, &size, &e), "none: no run");
    expect_drawn(chart_roc(&(roc_chart){"empty", "", curves, 0}, &size, &e), NULL);
}

/* ---- histograms */

static void a_histogram_shows_both_kinds_as_shares(void **state)
{
    (void)state;
    const double normal[] = {4, 4, 2, 0}, anomalous[] = {0, 100, 400, 500};
    error e = {0};
    size_t size;
    char *text = chart_histogram(&(histogram_chart){"scores", "", 0, 8, normal, anomalous, 4}, &size, &e);
    assert_non_null(text);
    assert_int_equal(times(text, "<polyline"), 2);
    assert_non_null(strstr(text, "normal, 10 images"));
    expect_drawn(text, "anomalous, 1000 images");
}

static void a_histogram_of_nothing_says_so(void **state)
{
    (void)state;
    const double none[] = {0, 0}, some[] = {1, 2}, broken[] = {NAN, 2};
    const histogram_chart empty[] = {{"a", "", 0, 1, none, none, 2},
                                     {"b", "", NAN, 1, some, some, 2},
                                     {"c", "", 3, 3, some, some, 2},
                                     {"d", "", 0, 1, NULL, NULL, 0}};
    error e = {0};
    size_t size;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        expect_drawn(chart_histogram(&empty[i], &size, &e), "no scores to show");
    expect_drawn(chart_histogram(&(histogram_chart){"e", "", 0, 1, some, none, 2}, &size, &e), "anomalous, 0 images");
    expect_drawn(chart_histogram(&(histogram_chart){"f", "", 0, 1, broken, some, 2}, &size, &e), "normal, 2 images");
}

/* ---- dots */

enum { METHODS = 7, CLASSES = 10 };

static void the_overview_has_a_dot_a_cell_and_a_hollow_mark_a_published_figure(void **state)
{
    (void)state;
    static const char *const methods[METHODS] = {"a", "b", "c", "d", "e", "f", "g"};
    static const char *const classes[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "a & b"};
    static const char *const sources[] = {"survey", "paper"};
    const dot_other others[] = {{0, 0, 0, 0.9}, {6, 9, 1, 0.8}, {1, 1, 0, NAN}};
    dot dots[METHODS * CLASSES];
    for (int i = 0; i < METHODS * CLASSES; i++)
        dots[i] =
            i == 5 ? (dot){NAN, NAN, NAN} : (dot){0.6 + 0.005 * i, 0.5 + 0.005 * i, i % 2 ? NAN : 0.65 + 0.005 * i};
    const dot_chart c = {"AUROC", "", methods, classes, METHODS, CLASSES, dots, others, 3, sources, 2};
    error e = {0};
    size_t size;
    char *text = chart_dots(&c, &size, &e);
    assert_non_null(text);
    /* A dot a cell but one, the published circle, the legend's. */
    assert_int_equal(times(text, "<circle"), METHODS * CLASSES - 1 + 1 + METHODS + 1);
    assert_non_null(strstr(text, "g, class a &amp; b, published (paper): 0.800"));
    expect_drawn(text, "survey");
}

static void an_overview_without_figures_is_still_a_chart(void **state)
{
    (void)state;
    static const char *const one[] = {"kde"};
    const dot none = {NAN, NAN, NAN}, zero = {0, 0, 0};
    error e = {0};
    size_t size;
    expect_drawn(chart_dots(&(dot_chart){"t", "", one, one, 1, 1, &none, NULL, 0, NULL, 0}, &size, &e), "kde");
    expect_drawn(chart_dots(&(dot_chart){"t", "", one, one, 1, 1, &zero, NULL, 0, NULL, 0}, &size, &e), "0.000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(a_range_that_is_none_has_no_ticks),
        cmocka_unit_test(ticks_lie_in_their_range_and_are_not_too_many),
        cmocka_unit_test(long_labels_are_cut_between_letters),
        cmocka_unit_test(no_two_of_many_methods_look_alike),
        cmocka_unit_test(every_curve_is_in_the_chart_and_its_legend),
        cmocka_unit_test(a_roc_chart_says_which_curve_is_missing),
        cmocka_unit_test(a_histogram_shows_both_kinds_as_shares),
        cmocka_unit_test(a_histogram_of_nothing_says_so),
        cmocka_unit_test(the_overview_has_a_dot_a_cell_and_a_hollow_mark_a_published_figure),
        cmocka_unit_test(an_overview_without_figures_is_still_a_chart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
