/* SPDX-License-Identifier: MIT */
/* test_kde.c — the density against its formula in double, its bandwidth against a plain search, its preprocessing. */
#include "base/blas.h"
#include "closed_form.h"
#include "methods/density.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 700, QUERIES = 37, WIDTH = 5 }; /* more points than a block, queries that leave a tile half empty */

static const char *const raw[] = {"preprocess", "raw", "pca", "false", "bandwidth", "0.5", NULL};

static float *normals(const char *stream, size_t n, float mean, float deviation)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    random_normal(random_stream(3, stream), 0, mean, deviation, x, n);
    return x;
}

/* -log((1/n) Σ exp(-‖x - t_i‖²/2h²)), as it is written. */
static double formula(const float *train, size_t n, const double *x, double h)
{
    double exponents[POINTS], least = INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double distance = 0;
        for (int j = 0; j < WIDTH; j++)
            distance += (x[j] - (double)train[i * WIDTH + (size_t)j]) * (x[j] - (double)train[i * WIDTH + (size_t)j]);
        exponents[i] = distance / (2 * h * h);
        least = exponents[i] < least ? exponents[i] : least;
    }
    for (size_t i = 0; i < n; i++)
        sum += expm1(least - exponents[i]); /* expm1: the reference must keep what the program claims to keep */
    return least - log1p(sum / (double)n);
}

static void scores_follow_the_formula(const char *bandwidth, double tolerance)
{
    const char *const options[] = {"preprocess", "raw", "pca", "false", "bandwidth", bandwidth, NULL};
    float *train = normals("train", POINTS * WIDTH, 0.5f, 0.2f), *x = normals("test", QUERIES * WIDTH, 0.4f, 0.4f);
    double h = (double)strtof(bandwidth, NULL), mean[WIDTH] = {0}, expected[QUERIES], spread = 0;
    float scores[QUERIES];
    for (int i = 0; i < POINTS; i++)
        for (int j = 0; j < WIDTH; j++)
            mean[j] += (double)train[i * WIDTH + j] / POINTS;
    closed_form c = closed_form_open("kde", 2, options);
    closed_form_fit(&c, train, POINTS, WIDTH);
    closed_form_score(&c, x, QUERIES, scores);
    for (int i = 0; i < QUERIES; i++) {
        double at[WIDTH];
        for (int j = 0; j < WIDTH; j++)
            at[j] = (double)x[i * WIDTH + j];
        expected[i] = formula(train, POINTS, at, h) - formula(train, POINTS, mean, h);
        spread = fmax(spread, fabs(expected[i]));
    }
    for (int i = 0; i < QUERIES; i++)
        if (!(fabs((double)scores[i] - expected[i]) <= tolerance * spread))
            fail_msg("h %s: score %d is %.9g, not %.9g", bandwidth, i, (double)scores[i], expected[i]);
    closed_form_close(&c);
    free(train);
    free(x);
}

static void the_score_is_the_negative_log_density(void **state)
{
    (void)state;
    scores_follow_the_formula("0.05", 1e-5);
    scores_follow_the_formula("0.5", 1e-5);
    scores_follow_the_formula("5", 1e-4);
}

/* All densities agree to six digits there: a float of the density itself would hold nothing but noise. */
static void a_bandwidth_far_above_the_spread_still_tells_images_apart(void **state)
{
    (void)state;
    scores_follow_the_formula("1000", 2e-3);
}

/* The same search, plainly: fold by fold, every distance afresh, all in double. */
static double plain_search(const float *points, size_t n, int k, random_key key)
{
    uint32_t order[POINTS];
    random_permutation(key, 0, order, n);
    double best = -INFINITY, chosen = 0;
    for (int half = -9; half <= 10; half++) {
        double h = exp2(half / 2.0), total = 0;
        for (size_t a = 0; a < n; a++) {
            size_t fold = 0, others = 0;
            while (n * (fold + 1) / DENSITY_FOLDS <= a)
                fold++;
            double exponents[POINTS], least = INFINITY, sum = 0;
            for (size_t b = 0; b < n; b++) {
                if (b >= n * fold / DENSITY_FOLDS && b < n * (fold + 1) / DENSITY_FOLDS)
                    continue;
                double distance = 0;
                for (int j = 0; j < k; j++)
                    distance += pow((double)points[order[a] * (uint32_t)k + (uint32_t)j] -
                                        (double)points[order[b] * (uint32_t)k + (uint32_t)j],
                                    2);
                exponents[others++] = distance / (2 * h * h);
                least = fmin(least, exponents[others - 1]);
            }
            for (size_t i = 0; i < others; i++)
                sum += exp(least - exponents[i]);
            total += log(sum / (double)others) - least - k * log(h * sqrt(2 * acos(-1)));
        }
        if (total > best) {
            best = total;
            chosen = h;
        }
    }
    return chosen;
}

static void the_bandwidth_is_the_likeliest_of_the_grid(void **state)
{
    (void)state;
    static const float deviations[] = {0.1f, 1, 10};
    team *t = team_new(2, NULL);
    for (int i = 0; i < 3; i++) {
        error e;
        double found;
        float *points = normals("points", 300 * WIDTH, 0, deviations[i]);
        random_key key = random_stream(9, "folds");
        assert_true(density_search(t, points, 300, WIDTH, key, &found, &e));
        double expected = plain_search(points, 300, WIDTH, key);
        if (found != expected)
            fail_msg("deviation %g: bandwidth %g, not %g", (double)deviations[i], found, expected);
        free(points);
    }
    team_free(t);
}

static void few_images_still_give_a_bandwidth(void **state)
{
    (void)state;
    static const char *const presets[] = {NULL};
    float *x = normals("few", 2 * WIDTH, 0.5f, 0.2f), scores[2];
    closed_form c = closed_form_open("kde", 1, presets);
    closed_form_fit(&c, x, 2, WIDTH);
    closed_form_score(&c, x, 2, scores);
    assert_true(isfinite(scores[0]) && isfinite(scores[1]));
    error e;
    assert_false(c.method->fit(c.self, c.model, x, 1, (shape){1, 1, WIDTH, 1}, &e));
    assert_string_equal(e.message, "kde needs at least 2 training images, there are 1");
    closed_form_close(&c);
    free(x);
}

static void only_with_components_are_wide_images_refused(void **state)
{
    (void)state;
    enum { WIDE = PRINCIPAL_WIDTH_MAX + 1 };
    static const char *const plain[] = {"pca", "false", NULL}, *const presets[] = {NULL};
    const shape wide = {1, 1, WIDE, 1};
    float *x = normals("wide", 3 * WIDE, 0.5f, 0.2f), scores[3];
    error e;
    shape in;
    closed_form with = closed_form_open("kde", 1, presets), without = closed_form_open("kde", 1, plain);
    assert_false(with.method->input(with.self, wide, &in, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_true(without.method->input(without.self, wide, &in, &e) && shape_equal(in, wide));
    closed_form_fit(&without, x, 2, WIDE);
    closed_form_score(&without, x, 3, scores);
    assert_true(scores[2] > scores[0] && scores[2] > scores[1]);
    closed_form_close(&without);
    closed_form_close(&with);
    free(x);
}

static void contrast_normalisation_ignores_brightness_and_contrast(void **state)
{
    (void)state;
    static const char *const options[] = {"preprocess", "gcn", "pca", "false", "bandwidth", "0.2", NULL};
    float *train = normals("train", POINTS * WIDTH, 0.5f, 0.2f), x[3 * WIDTH], scores[3];
    memcpy(x, train + 8 * WIDTH, WIDTH * sizeof *x);
    for (int j = 0; j < WIDTH; j++) {
        x[WIDTH + j] = 0.3f * x[j] + 0.2f;
        x[2 * WIDTH + j] = 0.7f; /* of one colour: its contrast is 0, which must not be divided by */
    }
    closed_form c = closed_form_open("kde", 1, options);
    closed_form_fit(&c, train, POINTS, WIDTH);
    closed_form_score(&c, x, 3, scores);
    assert_true(fabsf(scores[0] - scores[1]) <= 1e-3f * (1 + fabsf(scores[0])));
    assert_true(isfinite(scores[2]));
    closed_form_close(&c);
    free(train);
}

static void identical_images_are_a_density_too(void **state)
{
    (void)state;
    static const char *const presets[] = {NULL};
    float x[6 * WIDTH], scores[6];
    for (int i = 0; i < 6 * WIDTH; i++)
        x[i] = 0.25f;
    closed_form c = closed_form_open("kde", 1, presets);
    closed_form_fit(&c, x, 6, WIDTH);
    closed_form_score(&c, x, 6, scores);
    for (int i = 0; i < 6; i++)
        assert_true(scores[i] == 0);
    closed_form_close(&c);
}

static void arrays_of_another_shape_are_refused(void **state)
{
    (void)state;
    float *train = normals("train", POINTS * WIDTH, 0.5f, 0.2f);
    closed_form c = closed_form_open("kde", 1, raw);
    error e = {0};
    assert_false(c.method->ready(c.self, c.model, (shape){1, 1, WIDTH, 1}, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    closed_form_fit(&c, train, POINTS, WIDTH);
    assert_false(c.method->ready(c.self, c.model, (shape){1, 1, WIDTH + 1, 1}, &e));
    assert_string_equal(e.message, "kde.mean: 6 values a row expected, 5 found");
    closed_form_close(&c);
    free(train);
}

/* The whole of MNIST gives 0.9575, as published references do; with 400 training images of each digit it is 0.9235. */
static void digits_are_told_apart(void **state)
{
    (void)state;
    static const char *const options[] = {"bandwidth", "0.1", NULL};
    double mean = sample_auroc("kde", options);
    if (!(fabs(mean - 0.9235) < 0.003))
        fail_msg("mean AUROC %.4f", mean);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_score_is_the_negative_log_density),
        cmocka_unit_test(a_bandwidth_far_above_the_spread_still_tells_images_apart),
        cmocka_unit_test(the_bandwidth_is_the_likeliest_of_the_grid),
        cmocka_unit_test(few_images_still_give_a_bandwidth),
        cmocka_unit_test(only_with_components_are_wide_images_refused),
        cmocka_unit_test(contrast_normalisation_ignores_brightness_and_contrast),
        cmocka_unit_test(identical_images_are_a_density_too),
        cmocka_unit_test(arrays_of_another_shape_are_refused),
        cmocka_unit_test(digits_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
