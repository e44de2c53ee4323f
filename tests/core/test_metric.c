/* SPDX-License-Identifier: MIT */
/* test_metric.c — metrics against closed forms, published figures and double loops that share no code with them. */
#include "eval/metric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.12g, expected %.12g", got, expected);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Scores on a grid of `levels`, so that few levels mean many ties; anomalies lie higher on average. */
static void draw(uint32_t *seed, size_t n, uint32_t levels, float *scores, uint8_t *anomalous)
{
    for (size_t i = 0; i < n; i++) {
        anomalous[i] = next(seed) % 3 == 0;
        scores[i] = (float)(next(seed) % levels + anomalous[i] * (levels / 4)) / (float)levels;
    }
    anomalous[0] = anomalous[1] = 0;
    anomalous[2] = anomalous[3] = 1;
}

static double wins(float anomaly, float normal)
{
    return anomaly > normal ? 1 : anomaly == normal ? 0.5 : 0;
}

/* DeLong by definition: placements of each anomaly and each normal by a double loop, then sample variances. */
static double brute_deviation(const float *scores, const uint8_t *anomalous, size_t n, double *area)
{
    double totals[2] = {0}, squares[2] = {0}, counts[2] = {0};
    for (size_t i = 0; i < n; i++)
        counts[anomalous[i]]++;
    for (size_t i = 0; i < n; i++) {
        double placement = 0;
        for (size_t j = 0; j < n; j++)
            if (anomalous[j] != anomalous[i])
                placement += anomalous[i] ? wins(scores[i], scores[j]) : wins(scores[j], scores[i]);
        placement /= counts[!anomalous[i]];
        totals[anomalous[i]] += placement;
        squares[anomalous[i]] += placement * placement;
    }
    double variance = 0;
    for (int k = 0; k < 2; k++)
        variance += (squares[k] - totals[k] * totals[k] / counts[k]) / (counts[k] - 1) / counts[k];
    *area = totals[1] / counts[1];
    return sqrt(variance);
}

static void area_and_deviation_equal_the_double_loop(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 60; round++) {
        enum { N_MAX = 300 };
        float scores[N_MAX];
        uint8_t anomalous[N_MAX];
        size_t n = 4 + next(&seed) % (N_MAX - 4);
        static const uint32_t levels[] = {2, 5, 40, 1000000};
        draw(&seed, n, levels[round % 4], scores, anomalous);
        auroc a;
        error e = {0};
        assert_true(metric_auroc(scores, anomalous, n, &a, &e));
        double area, deviation = brute_deviation(scores, anomalous, n, &area);
        assert_near(a.value, area, 1e-12);
        assert_near(a.deviation, deviation, 1e-9);
        assert_near(a.low, fmax(0, area - 1.959964 * deviation), 1e-6);
        assert_near(a.high, fmin(1, area + 1.959964 * deviation), 1e-6);
    }
}

/* Hanley & McNeil, Radiology 143 (1982), table I: 58 normal and 51 abnormal CT images rated 1 to 5. They give an
 * area of 0.893 and a standard error of 0.032 under their own formula. */
static void ratings_of_hanley_and_mcneil_give_their_area(void **state)
{
    (void)state;
    static const int normal[5] = {33, 6, 6, 11, 2}, abnormal[5] = {3, 2, 2, 11, 33};
    float scores[109];
    uint8_t anomalous[109];
    size_t n = 0;
    for (int rating = 0; rating < 5; rating++) {
        for (int k = 0; k < normal[rating] + abnormal[rating]; k++, n++) {
            scores[n] = (float)(rating + 1);
            anomalous[n] = k >= normal[rating];
        }
    }
    assert_int_equal(n, 109);
    auroc a;
    error e = {0};
    assert_true(metric_auroc(scores, anomalous, n, &a, &e));
    assert_near(a.value, 0.893, 0.0005);
    assert_near(a.deviation, 0.032, 0.0025);
    double q1 = a.value / (2 - a.value), q2 = 2 * a.value * a.value / (1 + a.value), square = a.value * a.value;
    assert_near(sqrt((a.value * (1 - a.value) + 50 * (q1 - square) + 57 * (q2 - square)) / (51 * 58)), 0.032, 0.0005);
}

static void small_cases_have_their_closed_forms(void **state)
{
    (void)state;
    static const struct {
        float scores[4];
        uint8_t anomalous[4];
        double area, precision;
    } cases[] = {
        {{1, 2, 3, 4}, {0, 0, 1, 1}, 1, 1},
        {{4, 3, 2, 1}, {0, 0, 1, 1}, 0, (1.0 / 3 + 2.0 / 4) / 2},
        {{1, 1, 1, 1}, {0, 1, 0, 1}, 0.5, 0.5},
        {{0.1f, 0.4f, 0.35f, 0.8f}, {0, 0, 1, 1}, 0.75, 0.5 * 1 + 0.5 * 2 / 3},
        {{1, 2, 2, 3}, {0, 0, 1, 1}, 0.875, 0.5 * 1 + 0.5 * 2 / 3},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        auroc a;
        double precision;
        error e = {0};
        assert_true(metric_auroc(cases[k].scores, cases[k].anomalous, 4, &a, &e));
        assert_near(a.value, cases[k].area, 1e-15);
        assert_true(metric_average_precision(cases[k].scores, cases[k].anomalous, 4, &precision, &e));
        assert_near(precision, cases[k].precision, 1e-15);
    }
}

static void perfect_separation_has_an_interval_of_no_width(void **state)
{
    (void)state;
    const float scores[5] = {1, 2, 3, 4, 5};
    const uint8_t anomalous[5] = {0, 0, 1, 1, 1};
    auroc a;
    error e = {0};
    assert_true(metric_auroc(scores, anomalous, 5, &a, &e));
    assert_near(a.deviation, 0, 0);
    assert_near(a.low, 1, 0);
    assert_near(a.high, 1, 0);
}

static void one_anomaly_gives_an_area_but_no_interval(void **state)
{
    (void)state;
    const float scores[3] = {1, 3, 2};
    const uint8_t anomalous[3] = {0, 0, 1};
    auroc a;
    error e = {0};
    assert_true(metric_auroc(scores, anomalous, 3, &a, &e));
    assert_near(a.value, 0.5, 0);
    assert_near(a.deviation, 0, 0);
    assert_near(a.low, 0, 0);
    assert_near(a.high, 1, 0);
}

static auroc_difference compared(const float *a, const float *b, const uint8_t *anomalous, size_t n)
{
    auroc_difference d;
    error e = {0};
    if (!metric_compare(a, b, anomalous, n, &d, &e))
        fail_msg("%s", e.message);
    return d;
}

/* By hand. First b's placements are 1/2 and 1 of the anomalies and 1 and 1/2 of the normals, a's all 1: variances of
 * 1/8 over two images, twice. Then, with a tie, b's are 3/4 and 1, and 1 and 3/4. z is 1/sqrt(2) both times. */
static void small_differences_have_their_closed_forms(void **state)
{
    (void)state;
    static const float right[4] = {1, 2, 3, 4}, crossed[4] = {1, 3, 2, 4}, tied[4] = {1, 2, 2, 3};
    static const uint8_t anomalous[4] = {0, 0, 1, 1};
    auroc_difference d = compared(right, crossed, anomalous, 4);
    assert_near(d.value, 0.25, 0);
    assert_near(d.deviation, sqrt(0.125), 1e-15);
    assert_near(d.z, sqrt(0.5), 1e-15);
    assert_near(d.p_value, 0.4795001221869535, 1e-15);
    assert_near(d.low, 0.25 - 1.959963984540054 * sqrt(0.125), 1e-15);
    assert_near(d.high, 0.25 + 1.959963984540054 * sqrt(0.125), 1e-15);
    assert_null(d.untested);
    d = compared(tied, right, anomalous, 4);
    assert_near(d.value, -0.125, 0);
    assert_near(d.deviation, sqrt(0.03125), 1e-15);
    assert_near(d.z, -sqrt(0.5), 1e-15);
    assert_near(d.p_value, 0.4795001221869535, 1e-15);
}

enum { PAIRED = 200 };

/* Two correlated scorings with ties; tests/reference/delong.py draws the same. */
static void paired_images(float *a, float *b, uint8_t *anomalous)
{
    uint32_t seed = 9;
    for (int i = 0; i < PAIRED; i++) {
        anomalous[i] = next(&seed) % 3 == 0;
        uint32_t common = next(&seed) % 30;
        a[i] = (float)(common + next(&seed) % 15 + 9 * anomalous[i]);
        b[i] = (float)(common + next(&seed) % 25 + 7 * anomalous[i]);
    }
}

/* The numbers are what tests/reference/delong.py prints: by definition in exact fractions, and by a bootstrap of 20,000
 * rounds, whose own error is half a hundredth. */
static void the_paired_test_equals_its_reference(void **state)
{
    (void)state;
    float a[PAIRED], b[PAIRED];
    uint8_t anomalous[PAIRED];
    paired_images(a, b, anomalous);
    auroc_difference d = compared(a, b, anomalous, PAIRED);
    assert_near(d.value, 0.06116584564860427, 1e-15);
    assert_near(d.deviation, 0.027938721575863423, 1e-14);
    assert_near(d.z, 2.189285772526046, 1e-12);
    assert_near(d.p_value, 0.028576075794597377, 1e-12);
    assert_near(d.deviation, 0.028127583687049547, 0.02 * d.deviation);
    auroc_difference back = compared(b, a, anomalous, PAIRED);
    assert_near(back.value, -d.value, 0);
    assert_near(back.deviation, d.deviation, 0);
    assert_near(back.low, -d.high, 0);
    assert_near(back.p_value, d.p_value, 0);
}

static void the_difference_is_that_of_the_areas(void **state)
{
    (void)state;
    uint32_t seed = 6;
    for (int round = 0; round < 40; round++) {
        enum { N = 120 };
        float a[N], b[N];
        uint8_t labels[N], others[N];
        draw(&seed, N, round % 2 ? 6 : 1000000, b, others);
        draw(&seed, N, round % 2 ? 6 : 1000000, a, labels);
        auroc of_a, of_b;
        error e = {0};
        assert_true(metric_auroc(a, labels, N, &of_a, &e) && metric_auroc(b, labels, N, &of_b, &e));
        auroc_difference d = compared(a, b, labels, N);
        assert_near(d.value, of_a.value - of_b.value, 1e-14);
    }
}

/* A test between scores of one kind of rank, or against one that never varies, would divide by nothing. */
static void what_cannot_be_tested_says_why(void **state)
{
    (void)state;
    static const float scores[5] = {1, 2, 3, 4, 5}, same_ranks[5] = {10, 20, 30, 40, 500},
                       reversed[5] = {5, 4, 3, 2, 1};
    static const uint8_t anomalous[5] = {0, 0, 1, 1, 1}, one[5] = {0, 0, 0, 1, 0};
    const struct {
        auroc_difference d;
        double value;
        const char *why;
    } cases[] = {
        {compared(scores, same_ranks, anomalous, 5), 0, "alike"},
        {compared(scores, reversed, anomalous, 5), 1, "do not vary"},
        {compared(scores, reversed, one, 5), 0.5, "fewer than two"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        assert_near(cases[k].d.value, cases[k].value, 0);
        assert_non_null(cases[k].d.untested);
        assert_non_null(strstr(cases[k].d.untested, cases[k].why));
        assert_true(isnan(cases[k].d.deviation) && isnan(cases[k].d.low) && isnan(cases[k].d.high));
        assert_true(isnan(cases[k].d.z) && isnan(cases[k].d.p_value));
    }
}

static void average_precision_equals_a_scan_over_thresholds(void **state)
{
    (void)state;
    uint32_t seed = 2;
    for (int round = 0; round < 20; round++) {
        enum { N = 150 };
        float scores[N];
        uint8_t anomalous[N];
        uint32_t levels = round % 2 ? 10 : 1000000;
        draw(&seed, N, levels, scores, anomalous);
        double total = 0, recall = 0, expected = 0;
        for (int i = 0; i < N; i++)
            total += anomalous[i];
        /* Scores are multiples of 1/levels below 1.25, visited from above. */
        for (uint32_t level = levels + levels / 4; level-- > 0;) {
            double found = 0, flagged = 0;
            float threshold = (float)level / (float)levels;
            bool occurs = false;
            for (int i = 0; i < N; i++)
                occurs |= scores[i] == threshold;
            if (!occurs)
                continue;
            for (int i = 0; i < N; i++) {
                found += scores[i] >= threshold && anomalous[i];
                flagged += scores[i] >= threshold;
            }
            expected += (found / total - recall) * found / flagged;
            recall = found / total;
            if (recall >= 1)
                break;
        }
        double got;
        error e = {0};
        assert_true(metric_average_precision(scores, anomalous, N, &got, &e));
        assert_near(got, expected, 1e-12);
    }
}

static double trapezoids(const float *x, const float *y, size_t n)
{
    double area = 0;
    for (size_t i = 1; i < n; i++)
        area += ((double)x[i] - (double)x[i - 1]) * ((double)y[i] + (double)y[i - 1]) / 2;
    return area;
}

static void area_under_the_whole_curve_is_the_auroc(void **state)
{
    (void)state;
    enum { N = 500 };
    uint32_t seed = 3;
    float scores[N], x[N + 1], y[N + 1];
    uint8_t anomalous[N];
    draw(&seed, N, 200, scores, anomalous);
    auroc a;
    error e = {0};
    assert_true(metric_auroc(scores, anomalous, N, &a, &e));
    size_t n = metric_roc(scores, anomalous, N, N + 1, x, y, &e);
    assert_near(trapezoids(x, y, n), a.value, 1e-6);
}

static void reduced_curve_keeps_ends_order_and_area(void **state)
{
    (void)state;
    enum { N = 4000, LIMIT = 64 };
    uint32_t seed = 4;
    static float scores[N];
    static uint8_t anomalous[N];
    float x[LIMIT], y[LIMIT];
    draw(&seed, N, 1000000, scores, anomalous);
    auroc a;
    error e = {0};
    assert_true(metric_auroc(scores, anomalous, N, &a, &e));
    size_t n = metric_roc(scores, anomalous, N, LIMIT, x, y, &e);
    assert_in_range(n, LIMIT / 2, LIMIT);
    assert_true(x[0] == 0 && y[0] == 0 && x[n - 1] == 1 && y[n - 1] == 1);
    for (size_t i = 1; i < n; i++)
        assert_true(x[i] >= x[i - 1] && y[i] >= y[i - 1]);
    assert_near(trapezoids(x, y, n), a.value, 0.002);
    assert_int_equal(metric_roc(scores, anomalous, N, 2, x, y, &e), 2);
}

static void straight_stretches_of_the_curve_need_two_points(void **state)
{
    (void)state;
    const float scores[6] = {1, 2, 3, 4, 5, 6};
    const uint8_t anomalous[6] = {0, 0, 0, 1, 1, 1};
    float x[7], y[7];
    error e = {0};
    assert_int_equal(metric_roc(scores, anomalous, 6, 7, x, y, &e), 3);
    assert_true(x[1] == 0 && y[1] == 1);
}

static void histogram_counts_every_score_once(void **state)
{
    (void)state;
    const float scores[6] = {0, 0.5f, 1, 9.5f, 10, 10};
    const uint8_t anomalous[6] = {0, 0, 1, 0, 1, 0};
    uint32_t normal[10], anomalies[10];
    double low, high;
    error e = {0};
    assert_true(metric_histogram(scores, anomalous, 6, 10, &low, &high, normal, anomalies, &e));
    assert_near(low, 0, 0);
    assert_near(high, 10, 0);
    const uint32_t expected_normal[10] = {[0] = 2, [9] = 2}, expected_anomalies[10] = {[1] = 1, [9] = 1};
    assert_memory_equal(normal, expected_normal, sizeof normal);
    assert_memory_equal(anomalies, expected_anomalies, sizeof anomalies);
    const float same[2] = {3, 3};
    assert_true(metric_histogram(same, anomalous + 1, 2, 10, &low, &high, normal, anomalies, &e));
    assert_int_equal(normal[0] + anomalies[0], 2);
}

static void scores_that_are_not_finite_are_errors_that_say_where(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
        float scores[4] = {1, 2, bad[k], 4}, x[5], y[5];
        const uint8_t anomalous[4] = {0, 1, 0, 1};
        uint32_t counts[2][3];
        auroc a;
        double value;
        error e = {0};
        assert_false(metric_auroc(scores, anomalous, 4, &a, &e));
        assert_int_equal(e.code, ERROR_DIVERGED);
        assert_non_null(strstr(e.message, "score 2 of 4"));
        assert_false(metric_average_precision(scores, anomalous, 4, &value, &e));
        const float good[4] = {1, 2, 3, 4};
        auroc_difference d;
        e = (error){0};
        assert_false(metric_compare(good, scores, anomalous, 4, &d, &e));
        assert_int_equal(e.code, ERROR_DIVERGED);
        assert_int_equal(metric_roc(scores, anomalous, 4, 5, x, y, &e), 0);
        assert_false(metric_histogram(scores, anomalous, 4, 3, &value, &value, counts[0], counts[1], &e));
    }
}

static void one_kind_alone_cannot_be_measured(void **state)
{
    (void)state;
    const float scores[2] = {1, 2};
    const uint8_t anomalous[2] = {1, 1};
    auroc a;
    error e = {0};
    assert_false(metric_auroc(scores, anomalous, 2, &a, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_non_null(strstr(e.message, "0 normals and 2 anomalies"));
    assert_false(metric_auroc(scores, anomalous, 0, &a, &e));
    auroc_difference d;
    e = (error){0};
    assert_false(metric_compare(scores, scores, anomalous, 2, &d, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_non_null(strstr(e.message, "0 normals and 2 anomalies"));
    assert_false(metric_compare(scores, scores, anomalous, 0, &d, &e));
}

static void p_value_counts_calibration_scores_at_or_above(void **state)
{
    (void)state;
    const float sorted[4] = {1, 2, 2, 5};
    assert_near(metric_p_value(sorted, 4, 0), 1, 0);
    assert_near(metric_p_value(sorted, 4, 2), 4.0 / 5, 1e-15);
    assert_near(metric_p_value(sorted, 4, 3), 2.0 / 5, 1e-15);
    assert_near(metric_p_value(sorted, 4, 5), 2.0 / 5, 1e-15);
    assert_near(metric_p_value(sorted, 4, 6), 1.0 / 5, 1e-15);
    assert_near(metric_p_value(NULL, 0, 6), 1, 0);
    assert_true(isnan(metric_p_value(sorted, 4, NAN)));
}

static void threshold_is_the_smallest_that_keeps_the_rate(void **state)
{
    (void)state;
    float sorted[99];
    for (int i = 0; i < 99; i++)
        sorted[i] = (float)(i + 1);
    float t = 0;
    assert_true(metric_threshold(sorted, 99, 0.05, &t));
    assert_true(t == 95);
    assert_true(metric_threshold(sorted, 99, 0.01, &t));
    assert_true(t == 99);
    assert_false(metric_threshold(sorted, 99, 0.009, &t));
    assert_true(metric_threshold(sorted, 9, 0.1, &t));
    assert_true(t == 9);
    assert_false(metric_threshold(sorted, 8, 0.1, &t));
    assert_true(metric_threshold(sorted, 99, 1, &t));
    assert_true(t == 1);
    assert_false(metric_threshold(sorted, 0, 0.5, &t));
}

/* For exchangeable scores the p-value is at most a with probability at most a. */
static void p_values_of_exchangeable_scores_are_valid(void **state)
{
    (void)state;
    enum { N = 19, ROUNDS = 20000 };
    uint32_t seed = 5;
    int alarms = 0;
    for (int round = 0; round < ROUNDS; round++) {
        float sorted[N];
        for (int i = 0; i < N; i++) {
            float v = (float)(next(&seed) % 100000);
            int at = i;
            for (; at > 0 && sorted[at - 1] > v; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = v;
        }
        float score = (float)(next(&seed) % 100000), t = 0;
        bool alarm = metric_p_value(sorted, N, score) <= 0.1;
        assert_true(metric_threshold(sorted, N, 0.1, &t));
        assert_true(alarm == (score > t));
        alarms += alarm;
    }
    /* Expected 2000 with a standard deviation of 42. */
    assert_in_range(alarms, 1790, 2210);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(area_and_deviation_equal_the_double_loop),
        cmocka_unit_test(ratings_of_hanley_and_mcneil_give_their_area),
        cmocka_unit_test(small_cases_have_their_closed_forms),
        cmocka_unit_test(perfect_separation_has_an_interval_of_no_width),
        cmocka_unit_test(one_anomaly_gives_an_area_but_no_interval),
        cmocka_unit_test(small_differences_have_their_closed_forms),
        cmocka_unit_test(the_paired_test_equals_its_reference),
        cmocka_unit_test(the_difference_is_that_of_the_areas),
        cmocka_unit_test(what_cannot_be_tested_says_why),
        cmocka_unit_test(average_precision_equals_a_scan_over_thresholds),
        cmocka_unit_test(area_under_the_whole_curve_is_the_auroc),
        cmocka_unit_test(reduced_curve_keeps_ends_order_and_area),
        cmocka_unit_test(straight_stretches_of_the_curve_need_two_points),
        cmocka_unit_test(histogram_counts_every_score_once),
        cmocka_unit_test(scores_that_are_not_finite_are_errors_that_say_where),
        cmocka_unit_test(one_kind_alone_cannot_be_measured),
        cmocka_unit_test(p_value_counts_calibration_scores_at_or_above),
        cmocka_unit_test(threshold_is_the_smallest_that_keeps_the_rate),
        cmocka_unit_test(p_values_of_exchangeable_scores_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
