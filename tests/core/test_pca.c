/* SPDX-License-Identifier: MIT */
/* test_pca.c — principal components: of a known plane, of their own residual, and of digits. */
#include "base/blas.h"
#include "closed_form.h"
#include "methods/principal.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 900, WIDTH = 6 }; /* more rows than a block */

static const char *const two[] = {"components", "2", NULL};

/* Rows (a, b, a + b, 3 + a - b, 0.5, e): a plane but for the last value's little noise. */
static float *plane(size_t n, float noise)
{
    float *x = malloc(n * WIDTH * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        float draw[3];
        random_normal(random_stream(2, "plane"), i, 0, 1, draw, 3);
        const float row[] = {draw[0], draw[1], draw[0] + draw[1], 3 + draw[0] - draw[1], 0.5f, noise * draw[2]};
        for (int j = 0; j < WIDTH; j++)
            x[i * WIDTH + (size_t)j] = row[j];
    }
    return x;
}

static void the_score_is_the_squared_distance_from_the_plane(void **state)
{
    (void)state;
    float *train = plane(ROWS, 0), scores[4];
    closed_form c = closed_form_open("pca", 2, two);
    closed_form_fit(&c, train, ROWS, WIDTH);
    const float x[4 * WIDTH] = {
        1, 2,  3, 2,  0.5f, 0,     /* in the plane */
        1, 2,  3, 2,  0.5f, 0.75f, /* 0.75 above it */
        1, 2,  3, 2,  2.5f, 0,     /* 2 beside it */
        9, -9, 0, 21, 0.5f, 0,     /* in it, far from the data */
    };
    const float expected[] = {0, 0.5625f, 4, 0};
    closed_form_score(&c, x, 4, scores);
    for (int i = 0; i < 4; i++)
        if (!(fabsf(scores[i] - expected[i]) < 1e-4f))
            fail_msg("score %d is %g, not %g", i, (double)scores[i], (double)expected[i]);
    closed_form_close(&c);
    free(train);
}

static void components_are_orthonormal_and_as_many_as_the_share_needs(void **state)
{
    (void)state;
    float *train = plane(ROWS, 0.01f);
    closed_form c = closed_form_open("kde", 2, (const char *const[]){"preprocess", "raw", "bandwidth", "1", NULL});
    closed_form_fit(&c, train, ROWS, WIDTH);
    array *basis = model_find_array(c.model, "kde.basis");
    assert_non_null(basis);
    assert_int_equal(array_shape(basis).n, 2); /* each of the plane's axes has half of the variance */
    const float *b = array_values(basis);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            double product = 0;
            for (int k = 0; k < WIDTH; k++)
                product += (double)b[i * WIDTH + k] * (double)b[j * WIDTH + k];
            assert_true(fabs(product - (i == j)) < 1e-5);
        }
    closed_form_close(&c);
    free(train);
}

static void all_components_reconstruct_everything(void **state)
{
    (void)state;
    static const char *const many[] = {"components", "100", NULL};
    float *train = plane(ROWS, 1), scores[ROWS];
    closed_form c = closed_form_open("pca", 2, many);
    closed_form_fit(&c, train, ROWS, WIDTH);
    closed_form_score(&c, train, ROWS, scores);
    for (int i = 0; i < ROWS; i++)
        assert_true(scores[i] >= 0 && scores[i] < 1e-9f);
    closed_form_close(&c);
    free(train);
}

static void images_too_wide_for_a_covariance_are_refused(void **state)
{
    (void)state;
    closed_form c = closed_form_open("pca", 1, two);
    float *x = calloc(2 * (PRINCIPAL_WIDTH_MAX + 1), sizeof *x);
    error e;
    assert_non_null(x);
    const shape most = {1, 1, PRINCIPAL_WIDTH_MAX, 1}, wide = {1, 1, PRINCIPAL_WIDTH_MAX + 1, 1};
    shape in;
    assert_true(c.method->input(c.self, most, &in, &e) && shape_equal(in, most));
    assert_false(c.method->input(c.self, wide, &in, &e)); /* before there are images */
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_string_equal(e.message, "images of 8193 values: principal components are limited to 8192");
    assert_false(c.method->fit(c.self, c.model, x, 2, wide, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_false(c.method->ready(c.self, c.model, (shape){1, 1, WIDTH, 1}, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    closed_form_close(&c);
    free(x);
}

/* The whole of MNIST gives 0.9535, as published references do; with 400 training images of each digit it is 0.9370. */
static void digits_are_told_apart(void **state)
{
    (void)state;
    static const char *const presets[] = {NULL};
    double mean = sample_auroc("pca", presets);
    if (!(fabs(mean - 0.9370) < 0.003))
        fail_msg("mean AUROC %.4f", mean);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_score_is_the_squared_distance_from_the_plane),
        cmocka_unit_test(components_are_orthonormal_and_as_many_as_the_share_needs),
        cmocka_unit_test(all_components_reconstruct_everything),
        cmocka_unit_test(images_too_wide_for_a_covariance_are_refused),
        cmocka_unit_test(digits_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
