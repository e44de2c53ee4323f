/* SPDX-License-Identifier: MIT */
/* closed_form.h — for tests of closed-form methods: fits one on rows, scores with it, and reads the sample of MNIST. */
#ifndef ANOMALYD_TESTS_CORE_CLOSED_FORM_H
#define ANOMALYD_TESTS_CORE_CLOSED_FORM_H

#include "base/random.h"
#include "data/dataset.h"
#include "eval/metric.h"
#include "methods/method.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct closed_form {
    const method *method;
    void *self;
    team *team;
    model *model;
} closed_form;

/* Options are pairs "name", "value" ended by NULL. */
static inline closed_form closed_form_open(const char *id, int threads, const char *const *options)
{
    error e;
    closed_form c = {.method = method_find(id), .team = team_new(threads, &e)};
    assert_non_null(c.method);
    assert_non_null(c.team);
    c.self = calloc(1, c.method->size);
    c.model = model_new(5, c.team, &e);
    assert_non_null(c.self);
    assert_non_null(c.model);
    options_preset(c.method->options, c.self);
    for (int i = 0; options[i]; i += 2)
        if (!options_set(c.method->options, c.self, options[i], options[i + 1], &e))
            fail_msg("%s", e.message);
    return c;
}

static inline void closed_form_fit(closed_form *c, const float *x, size_t n, int d)
{
    error e;
    shape s = {1, 1, d, 1};
    if (!c->method->fit(c->self, c->model, x, n, s, &e) || !c->method->ready(c->self, c->model, s, &e))
        fail_msg("%s", e.message);
}

static inline void closed_form_score(closed_form *c, const float *x, size_t n, float *scores)
{
    error e;
    if (!c->method->score_rows(c->self, c->model, x, n, scores, &e))
        fail_msg("%s", e.message);
}

static inline void closed_form_close(closed_form *c)
{
    if (c->method->free)
        c->method->free(c->self);
    free(c->self);
    model_free(c->model);
    team_free(c->team);
}

/* Rows in [0, 1] of one split of the sample; with class_index >= 0 only of that class. *anomalous: is it not of class
 * `normal`? Both are returned new. */
static inline float *sample_rows(const dataset *d, enum dataset_split split, int class_index, int normal, size_t *n,
                                 uint8_t **anomalous)
{
    const dataset_info *info = dataset_facts(d);
    size_t row = shape_row(info->image), most = (size_t)info->image.n;
    float *x = malloc(most * row * sizeof *x);
    *anomalous = malloc(most);
    assert_non_null(x);
    assert_non_null(*anomalous);
    *n = 0;
    for (size_t i = 0; i < most; i++) {
        if (dataset_split_of(d, i) != split || (class_index >= 0 && dataset_label(d, i) != class_index))
            continue;
        for (size_t j = 0; j < row; j++)
            x[*n * row + j] = (float)dataset_image(d, i)[j] / 255;
        (*anomalous)[(*n)++] = dataset_label(d, i) != normal;
    }
    return x;
}

/* Mean AUROC over the ten digits of the MNIST sample, each in turn being normal. */
static inline double sample_auroc(const char *id, const char *const *options)
{
    error e;
    dataset_info info;
    scratch s = scratch_make();
    char source[512];
    snprintf(source, sizeof source, "%s/mnist-sample", getenv("ANOMALYD_TEST_DATA"));
    if (!dataset_import(source, scratch_at(&s, "sample").text, &info, &e))
        fail_msg("%s", e.message);
    dataset *d = dataset_open(scratch_at(&s, "sample").text, &e);
    assert_non_null(d);
    double sum = 0;
    for (int c = 0; c < 10; c++) {
        size_t train_count, test_count;
        uint8_t *ignored, *anomalous;
        float *train = sample_rows(d, SPLIT_TRAIN, c, c, &train_count, &ignored);
        float *test = sample_rows(d, SPLIT_TEST, -1, c, &test_count, &anomalous);
        float *scores = calloc(test_count, sizeof *scores);
        auroc found;
        closed_form f = closed_form_open(id, 2, options);
        closed_form_fit(&f, train, train_count, (int)shape_row(info.image));
        closed_form_score(&f, test, test_count, scores);
        if (!metric_auroc(scores, anomalous, test_count, &found, &e))
            fail_msg("%s", e.message);
        sum += found.value;
        closed_form_close(&f);
        free(train);
        free(test);
        free(ignored);
        free(anomalous);
        free(scores);
    }
    dataset_free(d);
    scratch_remove(&s);
    return sum / 10;
}

#endif
