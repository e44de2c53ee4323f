/* SPDX-License-Identifier: MIT */
/* test_explain.c — errors of pixels, the scale of their colours, and the colours. */
#include "data/heat.h"
#include "train/explain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const method signed_range = {.id = "a"}, unit_range = {.id = "b", .unit_range = true};

static void a_reconstruction_becomes_bytes_and_is_cut_off(void **state)
{
    (void)state;
    const float made[] = {-1, 0, 1, -1.5f, 7, NAN};
    const uint8_t of_signed[] = {0, 128, 255, 0, 255, 0}, of_unit[] = {0, 0, 255, 0, 255, 0};
    shape s = {1, 2, 3, 1};
    uint8_t pixels[6];
    float *work = malloc(explain_work(s, s) * sizeof *work);
    assert_non_null(work);
    explain_reconstruction(&(explain_pair){&signed_range, made, made, s, s}, pixels, work);
    assert_memory_equal(pixels, of_signed, sizeof pixels);
    explain_reconstruction(&(explain_pair){&unit_range, made, made, s, s}, pixels, work);
    assert_memory_equal(pixels, of_unit, sizeof pixels);
    free(work);
}

static void an_error_is_the_mean_over_the_channels_in_grey_levels(void **state)
{
    (void)state;
    const float x[] = {1, 0, 0, 0.5f, 0.5f, 0.5f}, x_hat[] = {0, 0, 0, 0.4f, 0.7f, 0.5f};
    shape s = {1, 1, 2, 3};
    float errors[2], *work = malloc(explain_work(s, s) * sizeof *work);
    assert_non_null(work);
    explain_errors(&(explain_pair){&unit_range, x, x_hat, s, s}, errors, work);
    assert_true(fabsf(errors[0] - 85) < 1e-3f && fabsf(errors[1] - 25.5f) < 1e-3f);
    explain_errors(&(explain_pair){&signed_range, x, x_hat, s, s}, errors, work);
    assert_true(fabsf(errors[0] - 42.5f) < 1e-3f && fabsf(errors[1] - 12.75f) < 1e-3f);
    free(work);
}

/* Errors are taken where the networks look, and resized after: a perfect reconstruction has none at any extent. */
static void resizing_adds_no_error(void **state)
{
    (void)state;
    enum { INPUT = 8, DATA = 5 };
    float x[INPUT * INPUT], x_hat[INPUT * INPUT], errors[DATA * DATA];
    shape input = {1, INPUT, INPUT, 1}, data = {1, DATA, DATA, 1};
    float *work = malloc(explain_work(input, data) * sizeof *work);
    assert_non_null(work);
    for (int i = 0; i < INPUT * INPUT; i++)
        x[i] = x_hat[i] = (float)(i % 3) / 2;
    explain_errors(&(explain_pair){&unit_range, x, x_hat, input, data}, errors, work);
    for (int i = 0; i < DATA * DATA; i++)
        assert_true(errors[i] == 0);
    for (int i = 0; i < INPUT * INPUT; i++)
        x_hat[i] += 0.2f;
    explain_errors(&(explain_pair){&unit_range, x, x_hat, input, data}, errors, work);
    for (int i = 0; i < DATA * DATA; i++)
        assert_true(fabsf(errors[i] - 51) < 1e-2f);
    free(work);
}

static void the_scale_is_what_nearly_all_errors_do_not_exceed(void **state)
{
    (void)state;
    explain_tally *t = calloc(1, sizeof *t);
    assert_non_null(t);
    for (int i = 0; i < 1000; i++) {
        float level = (float)i / 10;
        explain_count(t, &level, 1);
    }
    assert_int_equal(t->total, 1000);
    /* The 995th of 0, 0.1, … 99.9 is 99.4, in the bin that ends at 99.4375. */
    assert_true(explain_scale(t) == 99.4375);
    memset(t, 0, sizeof *t);
    const float same[] = {0, 0, 0};
    explain_count(t, same, 3);
    assert_true(explain_scale(t) == 1.0 / EXPLAIN_BINS_A_LEVEL);
    memset(t, 0, sizeof *t);
    const float beyond[] = {1e9f, INFINITY, NAN};
    explain_count(t, beyond, 3);
    assert_true(explain_scale(t) == 256);
    free(t);
}

static double lightness(const uint8_t *rgb)
{
    return 0.2126 * pow(rgb[0] / 255.0, 2.2) + 0.7152 * pow(rgb[1] / 255.0, 2.2) + 0.0722 * pow(rgb[2] / 255.0, 2.2);
}

static void colours_get_lighter_all_the_way(void **state)
{
    (void)state;
    enum { STEPS = 101 };
    float values[STEPS];
    uint8_t rgb[3 * STEPS], ends[9];
    for (int i = 0; i < STEPS; i++)
        values[i] = (float)i * 0.3f;
    heat_colour(values, STEPS, 30, rgb);
    for (int i = 1; i < STEPS; i++)
        assert_true(lightness(rgb + 3 * i) > lightness(rgb + 3 * i - 3));
    heat_colour((const float[]){-5, 1e9f, NAN}, 3, 30, ends);
    assert_memory_equal(ends, rgb, 3);
    assert_memory_equal(ends + 3, rgb + 3 * STEPS - 3, 3);
    assert_memory_equal(ends + 6, rgb, 3);
}

static void kinds_are_found_by_their_names(void **state)
{
    (void)state;
    enum explanation found;
    for (int i = 0; i < EXPLANATIONS; i++)
        assert_true(explanation_find(explanation_name((enum explanation)i), &found) && (int)found == i);
    assert_false(explanation_find("", &found));
    assert_false(explanation_find("heat", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reconstruction_becomes_bytes_and_is_cut_off),
        cmocka_unit_test(an_error_is_the_mean_over_the_channels_in_grey_levels),
        cmocka_unit_test(resizing_adds_no_error),
        cmocka_unit_test(the_scale_is_what_nearly_all_errors_do_not_exceed),
        cmocka_unit_test(colours_get_lighter_all_the_way),
        cmocka_unit_test(kinds_are_found_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
