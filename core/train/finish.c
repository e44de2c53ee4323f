/* SPDX-License-Identifier: MIT */
/* finish.c — what is done once with a finished run: calibration, the test, the model file. */
#include "train/checkpoint.h"

#include "base/blas.h"
#include "base/clock.h"
#include "base/version.h"
#include "train/explain.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Room for a window of images, their reconstructions, and the errors of one. */
typedef struct window {
    size_t most; /* images */
    float *x, *x_hat, *errors, *work;
    explain_tally tally;
} window;

static void window_free(window *w)
{
    if (!w)
        return;
    free(w->x);
    free(w->x_hat);
    free(w->errors);
    free(w->work);
    free(w);
}

static window *window_new(const run *r, error *e)
{
    window *w = calloc(1, sizeof *w);
    if (w) {
        size_t row = shape_row(r->input);
        w->most = run_window(r);
        w->x = malloc(w->most * row * sizeof *w->x);
        w->x_hat = malloc(w->most * row * sizeof *w->x_hat);
        w->errors = malloc(shape_row(r->data_shape) * sizeof *w->errors);
        w->work = malloc(explain_work(r->input, r->data_shape) * sizeof *w->work);
    }
    if (w && w->x && w->x_hat && w->errors && w->work)
        return w;
    window_free(w);
    error_memory(e, "calibration images");
    return NULL;
}

static void count_errors(const run *r, window *w, size_t n)
{
    size_t row = shape_row(r->input);
    for (size_t i = 0; i < n; i++) {
        explain_pair p = {r->method, w->x + i * row, w->x_hat + i * row, r->input, r->data_shape};
        explain_errors(&p, w->errors, w->work);
        explain_count(&w->tally, w->errors, (size_t)r->data_shape.h * (size_t)r->data_shape.w);
    }
}

/* Scores the calibration images and finds the scale of their heat maps. */
static bool score_and_scale(run *r, float *scores, double *scale, error *e)
{
    const uint32_t *indices = r->parts.calibration;
    size_t n = r->parts.calibration_count;
    window *w = window_new(r, e);
    bool ok = w != NULL;
    for (size_t first = 0; ok && first < n; first += w->most) {
        size_t count = n - first < w->most ? n - first : w->most;
        scored_rows out = {.score = scores + first, .reconstruction = w->x_hat};
        ok = run_score(r, indices + first, count, &out, e) && run_prepare(r, indices + first, count, w->x, e);
        if (ok)
            count_errors(r, w, count);
    }
    if (ok)
        *scale = explain_scale(&w->tally);
    window_free(w);
    return ok;
}

/* *scale stays 0 where nothing is reconstructed. */
static bool calibrate(run *r, float *scores, double *scale, error *e)
{
    size_t n = r->parts.calibration_count;
    *scale = 0;
    bool ok = n > 0 && evaluator_reconstructs(r->evaluator)
                  ? score_and_scale(r, scores, scale, e)
                  : run_score(r, r->parts.calibration, n, &(scored_rows){.score = scores}, e);
    if (!ok)
        return error_at(e, "calibration");
    qsort(scores, r->parts.calibration_count, sizeof *scores, ascending);
    return true;
}

static bool measure(const run *r, const float *scores, train_result *out, error *e)
{
    const uint8_t *anomalous = r->parts.anomalous;
    size_t n = r->parts.test_count;
    for (size_t i = 0; i < n; i++)
        out->test_anomalies += anomalous[i];
    out->test_normals = n - out->test_anomalies;
    if (out->test_normals == 0 || out->test_anomalies == 0)
        return true; /* nothing to tell apart */
    out->roc_count =
        metric_roc(scores, anomalous, n, TRAIN_ROC_POINTS, out->roc_false_positive, out->roc_true_positive, e);
    return out->roc_count > 0 && metric_auroc(scores, anomalous, n, &out->auroc, e) &&
           metric_average_precision(scores, anomalous, n, &out->average_precision, e) &&
           metric_histogram(scores, anomalous, n, TRAIN_HISTOGRAM_BINS, &out->histogram_low, &out->histogram_high,
                            out->histogram_normal, out->histogram_anomalous, e);
}

/* A variant that is not the score may fail to be finite: then it has no figure, and the run is none the worse. */
static bool measure_variant(const run *r, const float *scores, train_score *out, error *e)
{
    error reason;
    size_t n = r->parts.test_count;
    out->auroc = (auroc){NAN, NAN, NAN, NAN};
    out->average_precision = NAN;
    if (metric_auroc(scores, r->parts.anomalous, n, &out->auroc, &reason) &&
        metric_average_precision(scores, r->parts.anomalous, n, &out->average_precision, &reason))
        return true;
    if (reason.code == ERROR_DIVERGED)
        return true;
    *e = reason;
    return false;
}

static bool measure_variants(const run *r, float *const *variants, train_result *out, error *e)
{
    out->score_count = evaluator_variant_count(r->evaluator);
    for (size_t i = 0; i < out->score_count; i++) {
        train_score *s = &out->scores[i];
        snprintf(s->name, sizeof s->name, "%s", evaluator_variant_name(r->evaluator, i));
        if (!measure_variant(r, variants[i], s, e))
            return error_at(e, "score %s", s->name);
    }
    return true;
}

static bool tell_test(const run *r, const float *scores, error *e)
{
    if (!r->watch || !r->watch->tested)
        return true;
    train_test t = {.scores = scores, .anomalous = r->parts.anomalous, .count = r->parts.test_count};
    parts_test_digest(&r->parts, dataset_facts(r->data), t.images);
    return r->watch->tested(r->watch->context, &t, e);
}

static bool test(run *r, train_result *out, error *e)
{
    size_t n = r->parts.test_count, variants = evaluator_variant_count(r->evaluator);
    assert(variants <= TRAIN_SCORES_MAX);
    if (r->plan->protocol.protocol == PROTOCOL_UNLABELLED || n == 0)
        return true;
    float *scores = malloc((1 + variants) * n * sizeof *scores), *variant[TRAIN_SCORES_MAX];
    if (!scores)
        return error_memory(e, "test scores");
    for (size_t i = 0; i < variants; i++)
        variant[i] = scores + (1 + i) * n;
    double start = clock_now_s();
    bool ok = run_score(r, r->parts.test, n, &(scored_rows){.score = scores, .variants = variant}, e);
    out->score_s = clock_now_s() - start;
    ok = ok && measure(r, scores, out, e) && measure_variants(r, variant, out, e) && tell_test(r, scores, e);
    free(scores);
    return ok || error_at(e, "test");
}

static bool write_model(const run *r, const float *calibration, double scale, train_result *out, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a model file");
    bundle_put(b, "kind", "model");
    checkpoint_describe(r, b);
    if (r->plan->dataset_name)
        bundle_put(b, "dataset", r->plan->dataset_name);
    bundle_put_number(b, "epochs", out->epochs);
    bundle_put_number(b, "chosen_epoch", out->chosen_epoch);
    bundle_put_number(b, "parameters", (double)out->parameters);
    bundle_put(b, "version", version_text());
    if (scale > 0)
        bundle_put_number(b, "explain.scale", scale);
    model_write(r->model, b, MODEL_WEIGHTS);
    if (out->calibration_count)
        bundle_put_tensor(b, "calibration", (shape){1, 1, 1, (int)out->calibration_count}, calibration);
    bool ok = bundle_write(b, r->plan->model_path, e);
    bundle_free(b);
    b = ok ? bundle_open(r->plan->model_path, e) : NULL; /* what is on the disk is what was meant */
    if (b)
        memcpy(out->model_digest, bundle_digest(b), sizeof out->model_digest);
    bundle_free(b);
    return b != NULL || error_at(e, "model");
}

bool run_finish(run *r, int chosen_epoch, train_result *out, error *e)
{
    train_event ev = {.kind = TRAIN_EVALUATING, .step = r->step, .steps = r->steps};
    ev.epochs = ev.epoch = r->method->closed_form ? 0 : r->state->epochs;
    run_report(r, &ev);
    *out = (train_result){.auroc = {NAN, NAN, NAN, NAN}, .average_precision = NAN};
    out->train_count = r->parts.train_count;
    out->validation_count = r->parts.validation_count;
    out->calibration_count = r->parts.calibration_count;
    out->epochs = ev.epochs;
    out->chosen_epoch = chosen_epoch;
    out->train_s = r->train_s;
    out->parameters = model_parameters(r->model);
    model_digest(r->model, out->weights_digest);
    out->blas_core = blas_core();
    out->threads = team_threads(r->team);
    float *calibration = malloc((out->calibration_count + 1) * sizeof *calibration);
    if (!calibration)
        return error_memory(e, "calibration scores");
    double scale;
    bool ok = calibrate(r, calibration, &scale, e) && test(r, out, e) && write_model(r, calibration, scale, out, e);
    free(calibration);
    if (ok)
        checkpoint_remove(r);
    return ok;
}
