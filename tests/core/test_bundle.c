/* SPDX-License-Identifier: MIT */
/* test_bundle.c — the model file: what is written is read back; what is damaged is refused, byte by byte. */
#include "nn/bundle.h"

#include "base/digest.h"
#include "base/file.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const float weights[] = {1, -2, 3.5f, 0, 1e-30f, -7};
static const float bias[] = {0.25f};

static scratch folder;
static char path[2 * SCRATCH_PATH_MAX];

static bundle *filled(void)
{
    bundle *b = bundle_new();
    assert_non_null(b);
    bundle_put(b, "kind", "model");
    bundle_put(b, "class", "Straße = 7");
    bundle_put(b, "empty", "");
    bundle_put_number(b, "share", 0.1);
    bundle_put_tensor(b, "enc.conv1.weight", (shape){1, 1, 2, 3}, weights);
    bundle_put_tensor(b, "enc.conv1.bias", (shape){1, 1, 1, 1}, bias);
    return b;
}

/* The bytes of the sample file; free(). */
static uint8_t *sample(size_t *size)
{
    error e;
    bundle *b = filled();
    assert_true(bundle_write(b, path, &e));
    bundle_free(b);
    void *bytes;
    assert_true(file_read(path, 1 << 20, &bytes, size, &e));
    return bytes;
}

static void check_contents(const bundle *b)
{
    error e;
    double share;
    shape s;
    assert_string_equal(bundle_get(b, "kind"), "model");
    assert_string_equal(bundle_get(b, "class"), "Straße = 7");
    assert_string_equal(bundle_get(b, "empty"), "");
    assert_null(bundle_get(b, "model"));
    assert_true(bundle_get_number(b, "share", &share, &e));
    assert_true(share == 0.1);
    assert_int_equal(bundle_tensor_count(b), 2);
    assert_string_equal(bundle_tensor_name(b, 1), "enc.conv1.bias");
    const float *w = bundle_tensor(b, "enc.conv1.weight", &s);
    assert_memory_equal(w, weights, sizeof weights);
    assert_true(shape_equal(s, (shape){1, 1, 2, 3}));
    assert_memory_equal(bundle_tensor(b, "enc.conv1.bias", NULL), bias, sizeof bias);
    assert_null(bundle_tensor(b, "enc", NULL));
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    error e;
    bundle *b = bundle_parse(bytes, size, &e);
    assert_non_null(b);
    check_contents(b);
    assert_int_equal(strlen(bundle_digest(b)), 64);
    bundle *mapped = bundle_open(path, &e);
    assert_non_null(mapped);
    check_contents(mapped);
    assert_string_equal(bundle_digest(b), bundle_digest(mapped));
    bundle_free(mapped);
    bundle_free(b);
    free(bytes);
}

static void bytes_at_an_odd_address_are_read_too(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size), *odd = malloc(size + 1);
    assert_non_null(odd);
    memcpy(odd + 1, bytes, size);
    error e;
    bundle *b = bundle_parse(odd + 1, size, &e);
    assert_non_null(b);
    check_contents(b);
    bundle_free(b);
    free(odd);
    free(bytes);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        error e = {0};
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bundle *b = bundle_parse(bytes, size, &e);
        if (b)
            fail_msg("bit %zu of byte %zu was flipped and nobody noticed", bit % 8, bit / 8);
        assert_true(e.code == ERROR_CORRUPT || e.code == ERROR_UNSUPPORTED);
        assert_true(e.message[0]);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
}

static void every_truncation_and_any_tail_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    error e;
    for (size_t part = 0; part < size; part++) {
        uint8_t *exact = malloc(part ? part : 1); /* exact, so that a sanitizer sees a read beyond the end */
        assert_non_null(exact);
        memcpy(exact, bytes, part);
        assert_null(bundle_parse(exact, part, &e));
        assert_int_equal(e.code, ERROR_CORRUPT);
        free(exact);
    }
    uint8_t *longer = calloc(1, size + 64);
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    assert_null(bundle_parse(longer, size + 64, &e));
    assert_non_null(strstr(e.message, "oversized"));
    free(longer);
    free(bytes);
}

static void a_newer_version_is_refused_by_name(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    error e;
    bytes[8] = 2;
    assert_null(bundle_parse(bytes, size, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_string_equal(e.message, "format version 2, but this program reads up to 1");
    free(bytes);
}

static void damage_in_a_tensor_names_it(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    error e;
    bytes[size - 1] ^= 1;
    assert_true(file_write_atomic(path, &(file_part){bytes, size}, 1, &e));
    assert_null(bundle_open(path, &e));
    assert_non_null(strstr(e.message, path));
    assert_non_null(strstr(e.message, "tensor 1 'enc.conv1.bias': checksum"));
    free(bytes);
}

/* Each field of the prefix and the table at its extremes, under a checksum that is right again: what a hostile file
 * would do. None may be accepted, and none may make the reader allocate or read beyond the bytes it was given. */
static void hostile_sizes_are_refused_under_a_good_checksum(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = sample(&size);
    size_t header = 0, table;
    memcpy(&header, bytes + 12, 4);
    table = (32 + header + 7) / 8 * 8;
    static const uint32_t values[] = {0, 7, 0x7fffffff, 0x80000000, 0xffffffff, 0x40000000};
    const size_t places[] = {12,          16,          20,          24,          table + 96,  table + 100, table + 104,
                             table + 108, table + 112, table + 116, table + 120, table + 124, table + 128};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            uint8_t *hostile = malloc(size);
            assert_non_null(hostile);
            memcpy(hostile, bytes, size);
            memcpy(hostile + places[p], &values[v], 4);
            size_t end = table + 2 * 136;
            uint32_t crc = digest_crc32c(digest_crc32c(0, hostile, 28), hostile + 32, end - 32);
            memcpy(hostile + 28, &crc, 4);
            error e;
            bool same = memcmp(hostile, bytes, size) == 0;
            bundle *b = bundle_parse(hostile, size, &e);
            assert_true(same ? b != NULL : b == NULL);
            bundle_free(b);
            free(hostile);
        }
    free(bytes);
}

static void refused_when_written(void (*fill)(bundle *b), const char *message)
{
    error e = {0};
    bundle *b = filled();
    fill(b);
    bundle_put(b, "later", "fine");
    unlink(path);
    assert_false(bundle_write(b, path, &e));
    if (!strstr(e.message, message))
        fail_msg("\"%s\" does not say \"%s\"", e.message, message);
    assert_int_equal(access(path, F_OK), -1);
    bundle_free(b);
}

static void newline(bundle *b)
{
    bundle_put(b, "note", "a\nkind = other");
}
static void equals_in_key(bundle *b)
{
    bundle_put(b, "a = b", "c");
}
static void key_twice(bundle *b)
{
    bundle_put(b, "kind", "other");
}
static void tensor_twice(bundle *b)
{
    bundle_put_tensor(b, "enc.conv1.bias", (shape){1, 1, 1, 1}, bias);
}
static void long_name(bundle *b)
{
    char name[BUNDLE_NAME_MAX + 1];
    memset(name, 'x', BUNDLE_NAME_MAX);
    name[BUNDLE_NAME_MAX] = '\0';
    bundle_put_tensor(b, name, (shape){1, 1, 1, 1}, bias);
}
static void no_extent(bundle *b)
{
    bundle_put_tensor(b, "z", (shape){1, 0, 1, 1}, bias);
}
static void many(bundle *b)
{
    char name[16];
    for (int i = 0; i < BUNDLE_TENSORS_MAX; i++) {
        snprintf(name, sizeof name, "t%d", i);
        bundle_put_tensor(b, name, (shape){1, 1, 1, 1}, bias);
    }
}

static void mistakes_of_filling_are_told_when_writing(void **state)
{
    (void)state;
    refused_when_written(newline, "\"note\" does not fit on one line");
    refused_when_written(equals_in_key, "\"a = b\" does not fit");
    refused_when_written(key_twice, "\"kind\" is there twice");
    refused_when_written(tensor_twice, "tensor 2 'enc.conv1.bias': is there twice");
    refused_when_written(long_name, "is not a name");
    refused_when_written(no_extent, "tensor 2 'z': impossible shape 1x0x1x1");
    refused_when_written(many, "more than 4096 tensors");
}

static void a_count_is_whole_and_within_its_bounds(void **state)
{
    (void)state;
    static const char *const refused[] = {"-1", "nan", "inf", "1e300", "0.5", "8", "two", "3x", "3 4", ""};
    char key[8];
    uint64_t value = 99;
    error e;
    bundle *b = bundle_new();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(key, sizeof key, "%zu", i);
        bundle_put(b, key, refused[i]);
        assert_false(bundle_get_whole(b, key, 7, &value, &e));
        assert_int_equal(e.code, ERROR_CORRUPT);
        assert_non_null(strstr(e.message, key));
        assert_int_equal(value, 99);
    }
    bundle_put(b, "most", "7");
    bundle_put(b, "none", "-0");
    assert_true(bundle_get_whole(b, "most", 7, &value, &e) && value == 7);
    assert_true(bundle_get_whole(b, "none", 7, &value, &e) && value == 0);
    bundle_free(b);
}

static void an_empty_bundle_is_a_file_too(void **state)
{
    (void)state;
    error e;
    bundle *b = bundle_new();
    assert_true(bundle_write(b, path, &e));
    bundle_free(b);
    b = bundle_open(path, &e);
    assert_non_null(b);
    assert_int_equal(bundle_tensor_count(b), 0);
    double number;
    assert_false(bundle_get_number(b, "seed", &number, &e));
    assert_string_equal(e.message, "header: \"seed\" is missing");
    bundle_free(b);
}

static int make_folder(void **state)
{
    (void)state;
    folder = scratch_make();
    snprintf(path, sizeof path, "%s", scratch_at(&folder, "sample").text);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    int left = scratch_count(&folder); /* a temporary file left behind would be one */
    scratch_remove(&folder);
    return left;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(bytes_at_an_odd_address_are_read_too),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_truncation_and_any_tail_is_refused),
        cmocka_unit_test(a_newer_version_is_refused_by_name),
        cmocka_unit_test(damage_in_a_tensor_names_it),
        cmocka_unit_test(hostile_sizes_are_refused_under_a_good_checksum),
        cmocka_unit_test(mistakes_of_filling_are_told_when_writing),
        cmocka_unit_test(a_count_is_whole_and_within_its_bounds),
        cmocka_unit_test(an_empty_bundle_is_a_file_too),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
