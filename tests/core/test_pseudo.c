/* SPDX-License-Identifier: MIT */
/* test_pseudo.c — each kind of pseudo-anomaly does what its name says, to any shape, the same every time. */
#include "data/pseudo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Every value of a batch is different, so that it shows where it came from. */
static float *numbered(shape s)
{
    float *images = malloc(shape_size(s) * sizeof *images);
    for (size_t i = 0; i < shape_size(s); i++)
        images[i] = (float)i;
    return images;
}

static float *spoiled(const float *images, shape s, uint64_t seed)
{
    float *out = malloc(shape_size(s) * sizeof *out);
    memset(out, 0xff, shape_size(s) * sizeof *out); /* NaN: what stays unwritten shows */
    pseudo_make(images, s, random_stream(seed, "pseudo"), out);
    return out;
}

/* The pixel of the batch that a value of numbered() came from. */
static int image_of(float value, shape s)
{
    return (int)((size_t)value / shape_row(s));
}

static const shape shapes[] = {{24, 12, 12, 1}, {24, 9, 13, 3}, {24, 32, 32, 3}, {1, 8, 8, 1}, {8, 1, 1, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void same_key_gives_the_same_images_and_another_does_not(void **state)
{
    (void)state;
    shape s = shapes[0];
    float *images = numbered(s), *a = spoiled(images, s, 1), *b = spoiled(images, s, 1), *c = spoiled(images, s, 2);
    assert_memory_equal(a, b, shape_size(s) * sizeof *a);
    assert_memory_not_equal(a, c, shape_size(s) * sizeof *a);
    free(images);
    free(a);
    free(b);
    free(c);
}

static void every_value_is_written_and_every_image_changes(void **state)
{
    (void)state;
    for (int k = 0; k < SHAPES; k++) {
        shape s = shapes[k];
        float *images = numbered(s), *out = spoiled(images, s, 3);
        size_t row = shape_row(s);
        for (size_t i = 0; i < shape_size(s); i++)
            assert_true(out[i] >= 0 && out[i] < (float)shape_size(s));
        for (size_t i = 0; i < (size_t)s.n && row > 1; i++)
            assert_memory_not_equal(out + i * row, images + i * row, row * sizeof *out);
        free(images);
        free(out);
    }
}

/* Whether `out` is the image turned by some number of quarter turns, each checked by its own formula. */
static int turns_of(const float *image, const float *out, shape s)
{
    for (int turns = 1; turns <= 3; turns++) {
        bool equal = true;
        for (int y = 0; y < s.h; y++) {
            for (int x = 0; x < s.w; x++) {
                int to_y = y, to_x = x, h = s.h, w = s.w;
                for (int t = 0; t < turns; t++) { /* counter-clockwise, one quarter at a time */
                    int next_y = w - 1 - to_x, next_x = to_y, swap = h;
                    to_y = next_y;
                    to_x = next_x;
                    h = w;
                    w = swap;
                }
                if (h != s.h)
                    equal = false;
                for (int c = 0; c < s.c && equal; c++)
                    equal = out[(to_y * s.w + to_x) * s.c + c] == image[(y * s.w + x) * s.c + c];
            }
        }
        if (equal)
            return turns;
    }
    return 0;
}

static void rotate_turns_squares_by_quarters_and_others_by_halves(void **state)
{
    (void)state;
    int seen[4] = {0};
    for (int k = 0; k < 3; k++) {
        shape s = shapes[k];
        float *images = numbered(s), *out = spoiled(images, s, 4);
        for (size_t i = PSEUDO_ROTATE; i < (size_t)s.n; i += PSEUDO_KINDS) {
            int turns = turns_of(images + i * shape_row(s), out + i * shape_row(s), s);
            assert_true(s.h == s.w ? turns > 0 : turns == 2);
            seen[turns] += s.h == s.w;
        }
        free(images);
        free(out);
    }
    assert_true(seen[1] && seen[2] && seen[3]);
}

static void cut_paste_replaces_one_rectangle_by_one_of_another_image(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        shape s = shapes[k];
        float *images = numbered(s), *out = spoiled(images, s, 5);
        for (int i = PSEUDO_CUT_PASTE; i < s.n; i += PSEUDO_KINDS) {
            const float *o = out + (size_t)i * shape_row(s);
            int top = s.h, bottom = -1, left = s.w, right = -1, changed = 0;
            for (int y = 0; y < s.h; y++) {
                for (int x = 0; x < s.w; x++) {
                    if (image_of(o[(y * s.w + x) * s.c], s) == i)
                        continue;
                    changed++;
                    top = y < top ? y : top;
                    bottom = y > bottom ? y : bottom;
                    left = x < left ? x : left;
                    right = x > right ? x : right;
                }
            }
            int h = bottom - top + 1, w = right - left + 1;
            assert_int_equal(changed, h * w);
            assert_in_range(h, s.h / 4, s.h / 2);
            assert_in_range(w, s.w / 4, s.w / 2);
            float first = o[(top * s.w + left) * s.c];
            for (int y = top; y <= bottom; y++)
                for (int x = left; x <= right; x++)
                    assert_true(o[(y * s.w + x) * s.c] == first + (float)(((y - top) * s.w + x - left) * s.c));
        }
        free(images);
        free(out);
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void shuffle_moves_pixels_and_loses_none(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        shape s = shapes[k];
        size_t row = shape_row(s);
        float *images = numbered(s), *out = spoiled(images, s, 6);
        for (size_t i = PSEUDO_SHUFFLE; i < (size_t)s.n; i += PSEUDO_KINDS) {
            qsort(out + i * row, row, sizeof *out, by_value);
            assert_memory_equal(out + i * row, images + i * row, row * sizeof *out);
        }
        free(images);
        free(out);
    }
}

static void blend_is_the_mean_with_one_other_image(void **state)
{
    (void)state;
    shape s = shapes[0];
    size_t row = shape_row(s);
    float *images = numbered(s), *out = spoiled(images, s, 7);
    for (int i = PSEUDO_BLEND; i < s.n; i += PSEUDO_KINDS) {
        const float *a = images + (size_t)i * row, *o = out + (size_t)i * row;
        int other = image_of(2 * o[0] - a[0], s);
        assert_int_not_equal(other, i);
        for (size_t j = 0; j < row; j++)
            assert_true(o[j] == 0.5f * (a[j] + images[(size_t)other * row + j]));
    }
    free(images);
    free(out);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(pseudo_name(PSEUDO_ROTATE), "rotate");
    assert_string_equal(pseudo_name(PSEUDO_CUT_PASTE), "cut-paste");
    assert_string_equal(pseudo_name(PSEUDO_SHUFFLE), "shuffle");
    assert_string_equal(pseudo_name(PSEUDO_BLEND), "blend");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_key_gives_the_same_images_and_another_does_not),
        cmocka_unit_test(every_value_is_written_and_every_image_changes),
        cmocka_unit_test(rotate_turns_squares_by_quarters_and_others_by_halves),
        cmocka_unit_test(cut_paste_replaces_one_rectangle_by_one_of_another_image),
        cmocka_unit_test(shuffle_moves_pixels_and_loses_none),
        cmocka_unit_test(blend_is_the_mean_with_one_other_image),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
