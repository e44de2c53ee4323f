/* SPDX-License-Identifier: MIT */
/* test_import.c — data sets through the real program: what it tells of them, and of the images that a run saw. */
#include "e2e.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROW = 64, TRAIN = 100, TEST = 40, LABELS_HEADER = 8, IMAGES_HEADER = 16 };

/* Images of 8 x 8 pixels and their labels, as IDX files. */
typedef struct idx_split {
    uint8_t images[IMAGES_HEADER + TRAIN * ROW], labels[LABELS_HEADER + TRAIN];
    size_t count;
} idx_split;

static uint8_t *pixels_of(idx_split *x, size_t i)
{
    return x->images + IMAGES_HEADER + i * ROW;
}

/* Noise, classes "0" and "1" in turn. */
static void make_split(idx_split *x, uint8_t count, uint32_t seed)
{
    *x = (idx_split){.images = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 8, 0, 0, 0, 8}, .count = count};
    memcpy(x->labels, (const uint8_t[LABELS_HEADER]){0, 0, 8, 1, 0, 0, 0, count}, LABELS_HEADER);
    for (size_t i = 0; i < x->count * ROW; i++) {
        seed = seed * 1664525u + 1013904223u;
        x->images[IMAGES_HEADER + i] = (uint8_t)(seed >> 24);
    }
    for (size_t i = 0; i < x->count; i++)
        x->labels[LABELS_HEADER + i] = i % 2;
}

static void write_split(const e2e *d, const char *split, const idx_split *x)
{
    char name[64];
    snprintf(name, sizeof name, "in/%s-images-idx3-ubyte", split);
    scratch_write(&d->folder, name, x->images, IMAGES_HEADER + x->count * ROW);
    snprintf(name, sizeof name, "in/%s-labels-idx1-ubyte", split);
    scratch_write(&d->folder, name, x->labels, LABELS_HEADER + x->count);
}

static json_int_t count_of(json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* Three training images of class "0" are test images too, one of them as class "1"; two training images are the same.
 */
static void a_run_leaves_out_what_the_test_has_and_says_so(void **state)
{
    e2e *d = *state;
    static idx_split train, test;
    make_split(&train, TRAIN, 1);
    make_split(&test, TEST, 2);
    memcpy(pixels_of(&train, 10), pixels_of(&test, 0), ROW);
    memcpy(pixels_of(&train, 20), pixels_of(&test, 1), ROW);
    memcpy(pixels_of(&train, 30), pixels_of(&test, 2), ROW);
    memcpy(pixels_of(&train, 42), pixels_of(&train, 40), ROW);
    write_split(d, "train", &train);
    write_split(d, "t10k", &test);
    E2E_START(d, "--import-root", d->folder.folder);
    reply set = e2e_post(d, "/datasets", "{\"name\": \"twins\", \"path\": \"%s\"}", scratch_at(&d->folder, "in").text);
    assert_int_equal(set.status, 201);
    json_t *copies = json_object_get(set.body, "copies");
    assert_int_equal(count_of(set.body, "duplicates"), 3);
    assert_int_equal(count_of(copies, "left_out"), 3);
    assert_int_equal(count_of(copies, "train"), 1);
    assert_int_equal(count_of(copies, "test"), 0);
    assert_int_equal(count_of(copies, "conflicting"), 2);
    assert_int_equal(count_of(json_array_get(json_object_get(set.body, "classes"), 0), "left_out"), 3);
    reply job =
        e2e_post(d, "/jobs", "{\"method\": \"kde\", \"dataset\": \"twins\", \"class\": \"0\", \"held_out\": 0.2}");
    assert_int_equal(job.status, 202);
    json_t *ended = e2e_await(d, text_of(job.body, "id"));
    assert_string_equal(text_of(ended, "state"), "succeeded");
    char path[128];
    snprintf(path, sizeof path, "/runs/%s", text_of(ended, "run"));
    reply run = e2e_get(d, path);
    json_t *images = json_object_get(run.body, "images");
    assert_int_equal(count_of(images, "duplicates_left_out"), 3);
    assert_int_equal(count_of(images, "train") + count_of(images, "validation") + count_of(images, "calibration"), 47);
    assert_int_equal(count_of(images, "test_normals") + count_of(images, "test_anomalies"), TEST);
    assert_int_equal(strlen(text_of(run.body, "training_digest")), 64);
    assert_int_equal(strlen(text_of(run.body, "test_digest")), 64);
    assert_string_equal(text_of(run.body, "dataset_digest"), text_of(set.body, "digest"));
    json_decref(run.body);
    json_decref(ended);
    json_decref(job.body);
    json_decref(set.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_leaves_out_what_the_test_has_and_says_so, e2e_set_up, e2e_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
