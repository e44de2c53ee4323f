/* SPDX-License-Identifier: MIT */
/* bars.h — for tests of training: a small data set of noisy bars, class "0" lying and class "1" standing, and plans. */
#ifndef ANOMALYD_TESTS_CORE_BARS_H
#define ANOMALYD_TESTS_CORE_BARS_H

#include "base/file.h"
#include "base/random.h"
#include "data/dataset.h"
#include "scratch.h"
#include "train/scorer.h"
#include "train/train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BARS_SIDE = 16, BARS_TRAIN = 260, BARS_TEST = 120 };

typedef struct bars {
    scratch folder;
    dataset *data;
    scratch_path model, checkpoint;
} bars;

/* A bar of three rows somewhere, in noise; `standing` turns it. */
static inline void bars_draw(uint32_t number, bool standing, uint8_t *pixels)
{
    float noise[BARS_SIDE * BARS_SIDE];
    random_key key = random_stream(11, "bars");
    random_uniform(key, number, 0, 60, noise, BARS_SIDE * BARS_SIDE);
    int at = (int)random_below(key, number, 1u << 20, BARS_SIDE - 3);
    for (int y = 0; y < BARS_SIDE; y++)
        for (int x = 0; x < BARS_SIDE; x++) {
            int across = standing ? x : y;
            bool inside = across >= at && across < at + 3;
            pixels[y * BARS_SIDE + x] = (uint8_t)(noise[y * BARS_SIDE + x] + (inside ? 190 : 0));
        }
}

static inline void bars_put(uint8_t **at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *(*at)++ = (uint8_t)(value >> shift);
}

/* An IDX pair of n images, the last third of which stand. With `swapped`, the labels are of the other class. */
static inline void bars_write(const scratch *s, const char *name, uint32_t n, uint32_t first, bool swapped)
{
    char file[96];
    uint8_t *images = malloc(16 + (size_t)n * BARS_SIDE * BARS_SIDE), *labels = malloc(8 + n), *at = images;
    assert_non_null(images);
    assert_non_null(labels);
    bars_put(&at, 0x803);
    bars_put(&at, n);
    bars_put(&at, BARS_SIDE);
    bars_put(&at, BARS_SIDE);
    for (uint32_t i = 0; i < n; i++)
        bars_draw(first + i, i >= n - n / 3, at + (size_t)i * BARS_SIDE * BARS_SIDE);
    at = labels;
    bars_put(&at, 0x801);
    bars_put(&at, n);
    for (uint32_t i = 0; i < n; i++)
        at[i] = (i >= n - n / 3) != swapped;
    snprintf(file, sizeof file, "source/%s-images-idx3-ubyte", name);
    scratch_write(s, file, images, 16 + (size_t)n * BARS_SIDE * BARS_SIDE);
    snprintf(file, sizeof file, "source/%s-labels-idx1-ubyte", name);
    scratch_write(s, file, labels, 8 + n);
    free(images);
    free(labels);
}

/* With `swapped`, every label of the test split is wrong, and nothing else differs. */
static inline bars bars_open(bool swapped)
{
    error e;
    dataset_info info;
    bars b = {.folder = scratch_make()};
    bars_write(&b.folder, "train", BARS_TRAIN, 0, false);
    bars_write(&b.folder, "t10k", BARS_TEST, BARS_TRAIN, swapped);
    scratch_path packed = scratch_at(&b.folder, "packed");
    if (!dataset_import(scratch_at(&b.folder, "source").text, packed.text, &info, &e))
        fail_msg("%s", e.message);
    b.data = dataset_open(packed.text, &e);
    if (!b.data)
        fail_msg("%s", e.message);
    b.model = scratch_at(&b.folder, "model");
    b.checkpoint = scratch_at(&b.folder, "checkpoint");
    return b;
}

static inline void bars_close(bars *b)
{
    dataset_free(b->data);
    scratch_remove(&b->folder);
}

static const struct train_option bars_options[] = {
    {"width", "4"}, {"latent", "6"}, {"batch", "16"}, {"epochs", "3"}, {"rate", "0.0002"},
};

/* Scores images at the extent of the model's training data. */
static inline bool scorer_run_bytes(scorer *s, const uint8_t *const *pixels, size_t n, float *scores, error *e)
{
    shape data = scorer_describe(s)->data;
    image *images = calloc(n, sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < n; i++)
        images[i] = (image){data.w, data.h, data.c, (uint8_t *)(uintptr_t)pixels[i]};
    bool ok = scorer_run(s, images, n, scores, e);
    free(images);
    return ok;
}

/* A small GANomaly; or, by another id, a method at its presets. */
static inline train_spec bars_plan(const bars *b, const char *id)
{
    bool small = strcmp(id, "ganomaly") == 0;
    return (train_spec){.method = method_find(id),
                        .options = bars_options,
                        .option_count = small ? sizeof bars_options / sizeof *bars_options : 0,
                        .protocol = {.protocol = PROTOCOL_ONE_CLASS, .class_index = 0},
                        .dataset_name = "bars",
                        .held_out = 0.2,
                        .seed = 7,
                        .model_path = b->model.text,
                        .checkpoint_s = 1e9};
}

static inline train_result bars_train(const bars *b, const train_spec *plan, int threads)
{
    error e;
    train_result r;
    team *t = team_new(threads, &e);
    assert_non_null(t);
    if (!train_run(plan, b->data, t, NULL, &r, &e))
        fail_msg("%s", e.message);
    team_free(t);
    return r;
}

/* The model file scores the test images as the run that wrote it did: least and highest score are the histogram's. */
static inline void bars_assert_scored_again(const bars *b, const train_result *r)
{
    error e;
    void *bytes;
    size_t size;
    team *t = team_new(2, &e);
    assert_true(file_read(b->model.text, 1 << 26, &bytes, &size, &e));
    scorer *s = scorer_open(bytes, size, t, &e);
    if (!s)
        fail_msg("%s", e.message);
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < BARS_TRAIN + BARS_TEST; i++) {
        const uint8_t *pixels = dataset_image(b->data, i);
        float score;
        if (dataset_split_of(b->data, i) != SPLIT_TEST)
            continue;
        assert_true(scorer_run_bytes(s, &pixels, 1, &score, &e));
        low = fminf(low, score);
        high = fmaxf(high, score);
    }
    assert_true((double)low == r->histogram_low && (double)high == r->histogram_high);
    scorer_free(s);
    free(bytes);
    team_free(t);
}

#endif
