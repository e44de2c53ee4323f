/* SPDX-License-Identifier: MIT */
/* test_copies.c — images with the same pixels are found and counted, and no two subsets of a split share any. */
#include "data/copies.h"

#include "base/digest.h"
#include "base/file.h"
#include "data/protocol.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dataset_files.h"

enum { IMAGES_MAX = 250, HEADER_CRC_AT = 124, NAMES_AT = 128 };

/* One-pixel images of a split; a pixel's value is the content. */
typedef struct pixels {
    uint8_t values[IMAGES_MAX], labels[IMAGES_MAX];
    uint8_t count;
} pixels;

static void write_split(const scratch *s, const char *split, const pixels *p)
{
    uint8_t images[16 + IMAGES_MAX] = {0, 0, 8, 3, 0, 0, 0, p->count, 0, 0, 0, 1, 0, 0, 0, 1};
    uint8_t labels[8 + IMAGES_MAX] = {0, 0, 8, 1, 0, 0, 0, p->count};
    memcpy(images + 16, p->values, p->count);
    memcpy(labels + 8, p->labels, p->count);
    char name[64];
    snprintf(name, sizeof name, "in/%s-images-idx3-ubyte", split);
    scratch_write(s, name, images, 16 + (size_t)p->count);
    snprintf(name, sizeof name, "in/%s-labels-idx1-ubyte", split);
    scratch_write(s, name, labels, 8 + (size_t)p->count);
}

static dataset *open_pixels(const scratch *s, const pixels *train, const pixels *test)
{
    write_split(s, "train", train);
    if (test)
        write_split(s, "t10k", test);
    static dataset_info info; /* too large for the stack of a test */
    return import_and_open(s, scratch_at(s, "in").text, &info);
}

/* 8 training images of contents 1 1 1 2 3 4 5 5 and 5 test images of 4 5 9 9 1, some under another label. */
static const pixels few_train = {{1, 1, 1, 2, 3, 4, 5, 5}, {0, 0, 1, 0, 0, 0, 0, 0}, 8};
static const pixels few_tests = {{4, 5, 9, 9, 7}, {1, 0, 0, 1, 1}, 5};

static void copies_are_counted_by_split_and_class(void **state)
{
    (void)state;
    scratch s = scratch_make();
    dataset *d = open_pixels(&s, &few_train, &few_tests);
    const dataset_info *info = dataset_facts(d);
    assert_int_equal(info->copies[SPLIT_TRAIN], 3); /* two more 1, one more 5 */
    assert_int_equal(info->copies[SPLIT_TEST], 1);  /* one more 9 */
    assert_int_equal(info->duplicates, 2);          /* 4 and 5 of the test */
    assert_int_equal(info->left_out[0], 3);         /* 4, 5, 5 of the training */
    assert_int_equal(info->left_out[1], 0);
    assert_int_equal(info->conflicting, 3 + 2 + 2); /* 1 1 1, 4 4, 9 9 */
    static const uint32_t first[] = {0, 0, 0, 3, 4, 5, 6, 6, 5, 6, 10, 10, 12};
    assert_memory_equal(dataset_first(d), first, sizeof first);
    dataset_free(d);
    scratch_remove(&s);
}

/* Images that differ in one pixel only, the last, are no copies. */
static void images_are_compared_to_the_last_pixel(void **state)
{
    (void)state;
    enum { N = 600, ROW = 64 };
    static uint8_t images[N * ROW];
    uint32_t first[N];
    for (size_t i = 0; i < N; i++)
        images[i * ROW + ROW - 1] = (uint8_t)(i % 256);
    assert_true(copies_find(images, (shape){N, 8, 8, 1}, first, NULL));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(first[i], i % 256);
}

/* Random contents, many of them the same, under random labels. */
static pixels draw_pixels(uint64_t seed, const char *stream, uint8_t count, uint32_t contents)
{
    pixels p = {.count = count};
    for (uint8_t i = 0; i < count; i++) {
        p.values[i] = (uint8_t)random_below(random_stream(seed, stream), 0, i, contents);
        p.labels[i] = i < 3 ? i : (uint8_t)random_below(random_stream(seed, stream), 1, i, 3);
    }
    return p;
}

static void mark(const dataset *d, const uint32_t *part, size_t count, int number, int holders[256])
{
    for (size_t i = 0; i < count; i++) {
        int *holder = &holders[*dataset_image(d, part[i])];
        assert_true(!*holder || *holder == number);
        *holder = number;
    }
}

/* No content is in two subsets, and what is in none is in the test split. */
static void assert_apart(const dataset *d, const protocol_spec *spec)
{
    struct split p;
    error e = {0};
    if (!split_make(d, spec, &p, &e))
        fail_msg("%s", e.message);
    int holders[256] = {0};
    mark(d, p.train, p.train_count, 1, holders);
    mark(d, p.validation, p.validation_count, 2, holders);
    mark(d, p.calibration, p.calibration_count, 3, holders);
    if (spec->protocol != PROTOCOL_UNLABELLED)
        for (int i = 0; i < dataset_facts(d)->image.n; i++)
            if (dataset_split_of(d, (size_t)i) == SPLIT_TEST)
                mark(d, &(uint32_t){(uint32_t)i}, 1, 4, holders);
    size_t normals = 0;
    for (int i = 0; i < dataset_facts(d)->image.n; i++) {
        int label = dataset_label(d, (size_t)i);
        bool normal = spec->protocol == PROTOCOL_UNLABELLED ||
                      (label == spec->class_index) == (spec->protocol == PROTOCOL_ONE_CLASS);
        normals += normal && dataset_split_of(d, (size_t)i) == SPLIT_TRAIN;
    }
    size_t dealt = p.train_count + p.validation_count + p.calibration_count;
    assert_int_equal(dealt + p.left_out_count, normals);
    assert_int_equal(dealt, protocol_normals(dataset_facts(d), spec));
    assert_true((double)p.validation_count <= spec->validation_share * (double)dealt + 0.5);
    assert_true((double)p.calibration_count <= spec->calibration_share * (double)dealt + 0.5);
    assert_true(p.validation_count > 0 && p.calibration_count > 0);
    assert_true(spec->protocol != PROTOCOL_UNLABELLED || p.left_out_count == 0);
    split_free(&p);
}

static void no_two_subsets_share_an_image(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        scratch s = scratch_make();
        pixels train = draw_pixels(seed, "train", 240, 120), test = draw_pixels(seed, "test", 40, 200);
        dataset *d = open_pixels(&s, &train, seed % 3 ? &test : NULL);
        const dataset_info *info = dataset_facts(d);
        assert_true(info->copies[SPLIT_TRAIN] > 0 && info->conflicting > 0 && info->duplicates > 0);
        for (int protocol = PROTOCOL_ONE_CLASS; protocol <= PROTOCOL_UNLABELLED; protocol++)
            assert_apart(d, &(protocol_spec){(enum protocol)protocol, (int)(seed % 3), 0.2, 0.3, seed, 0});
        dataset_free(d);
        scratch_remove(&s);
    }
}

/* One content is 30 of 40 images: it fits into no held-out part, and the ten others do not fill those beyond it. */
static void what_fits_nowhere_is_trained_on(void **state)
{
    (void)state;
    scratch s = scratch_make();
    pixels train = {.count = 41, .labels = {[40] = 1}}, test = {{200, 201}, {0, 1}, 2};
    for (uint8_t i = 30; i < 41; i++)
        train.values[i] = i;
    dataset *d = open_pixels(&s, &train, &test);
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct split p;
        error e = {0};
        assert_true(split_make(d, &(protocol_spec){PROTOCOL_ONE_CLASS, 0, 0.1, 0.05, seed, 0}, &p, &e));
        assert_int_equal(p.validation_count, 4);
        assert_int_equal(p.calibration_count, 2);
        assert_int_equal(p.train_count, 34);
        split_free(&p);
    }
    dataset_free(d);
    scratch_remove(&s);
}

/* A part that the import draws itself takes a fifth of each class's images and no copy of the rest. */
static void a_drawn_test_part_takes_copies_together(void **state)
{
    (void)state;
    scratch s = scratch_make();
    pixels train = {.count = 100};
    for (uint8_t i = 0; i < 100; i++) {
        train.labels[i] = i % 2;
        train.values[i] = (uint8_t)(i / 4 * 2 + i % 2); /* every image is there twice */
    }
    dataset *d = open_pixels(&s, &train, NULL);
    const dataset_info *info = dataset_facts(d);
    assert_int_equal(info->duplicates, 0);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(info->counts[SPLIT_TEST][k], 10);
        assert_int_equal(info->left_out[k], 0);
    }
    dataset_free(d);
    scratch_remove(&s);
}

static void a_class_that_is_all_in_the_test_is_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    pixels train = {{1, 2, 3}, {0, 0, 1}, 3}, test = {{1, 2, 4}, {0, 1, 1}, 3};
    dataset *d = open_pixels(&s, &train, &test);
    struct split p;
    error e = {0};
    assert_false(split_make(d, &(protocol_spec){PROTOCOL_ONE_CLASS, 0, 0, 0, 1, 0}, &p, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_non_null(strstr(e.message, "class \"0\": there is no normal image to train on: all 2 are copies of test"));
    assert_true(split_make(d, &(protocol_spec){PROTOCOL_UNLABELLED, 0, 0, 0, 1, 0}, &p, &e));
    assert_int_equal(p.train_count, 3);
    split_free(&p);
    dataset_free(d);
    scratch_remove(&s);
}

/* The header's bytes 44 to 47 held a count once. */
static void a_packed_file_of_an_earlier_program_opens_with_all_facts(void **state)
{
    (void)state;
    scratch s = scratch_make();
    dataset *d = open_pixels(&s, &few_train, &few_tests);
    static dataset_info info;
    info = *dataset_facts(d);
    dataset_free(d);
    void *bytes;
    size_t size;
    error e = {0};
    assert_true(file_read(scratch_at(&s, "packed").text, 1 << 20, &bytes, &size, &e));
    uint8_t *file = bytes;
    file[44] = 77;
    uint32_t crc = digest_crc32c(digest_crc32c(0, file, HEADER_CRC_AT), file + NAMES_AT,
                                 DATASET_CLASSES_MAX * (size_t)DATASET_CLASS_NAME_MAX);
    for (int i = 0; i < 4; i++)
        file[HEADER_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
    scratch_write(&s, "packed", bytes, size);
    free(bytes);
    d = dataset_open(scratch_at(&s, "packed").text, &e);
    assert_non_null(d);
    assert_memory_equal(dataset_facts(d), &info, sizeof info);
    dataset_free(d);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_counted_by_split_and_class),
        cmocka_unit_test(images_are_compared_to_the_last_pixel),
        cmocka_unit_test(no_two_subsets_share_an_image),
        cmocka_unit_test(what_fits_nowhere_is_trained_on),
        cmocka_unit_test(a_drawn_test_part_takes_copies_together),
        cmocka_unit_test(a_class_that_is_all_in_the_test_is_refused),
        cmocka_unit_test(a_packed_file_of_an_earlier_program_opens_with_all_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
