/* SPDX-License-Identifier: MIT */
/* finish.c — what is done once with a finished run: calibration, the model file. */
#include "train/checkpoint.h"
#include "train/ensemble.h"

#include "base/blas.h"
#include "base/clock.h"
#include "base/version.h"
#include "train/explain.h"

#include <math.h>
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
        w->most = run_window(r, r->evaluator);
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
static bool score_and_scale(run *r, score_set *found, double *scale, error *e)
{
    const uint32_t *indices = r->split.calibration;
    window *w = window_new(r, e);
    bool ok = w != NULL;
    for (size_t first = 0; ok && first < found->n; first += w->most) {
        size_t count = found->n - first < w->most ? found->n - first : w->most;
        float *variants[REFINE_COMPONENTS_MAX];
        for (int k = 0; k < found->variant_count; k++)
            variants[k] = found->variants[k] + first;
        scored_rows out = {.score = found->own + first, .variants = variants, .reconstruction = w->x_hat};
        ok = run_score(r, r->evaluator, indices + first, count, &out, found->complexity + first, e) &&
             run_prepare(r, indices + first, count, w->x, e);
        if (ok)
            count_errors(r, w, count);
    }
    if (ok)
        *scale = explain_scale(&w->tally);
    window_free(w);
    return ok;
}

/* *scale stays 0 where nothing is reconstructed. */
static bool calibrate(run *r, float *calibration, double *scale, run_refined *refined, error *e)
{
    score_set found;
    size_t n = r->split.calibration_count;
    *scale = 0;
    *refined = (run_refined){0};
    if (n == 0)
        return true;
    bool ok = scores_start(&found, r->evaluator, n, e);
    if (ok && evaluator_reconstructs(r->evaluator))
        ok = score_and_scale(r, &found, scale, e);
    else if (ok)
        ok = run_score(r, r->evaluator, r->split.calibration, n,
                       &(scored_rows){.score = found.own, .variants = found.variants}, found.complexity, e);
    ok = ok && run_refine(r, &found, refined, e);
    if (ok) {
        const int kind = r->state->refine;
        scores_refine(&found, (enum refining)kind, &refined->of[kind], n, calibration);
        qsort(calibration, n, sizeof *calibration, ascending);
    }
    scores_free(&found);
    return ok || error_at(e, "calibration");
}

/* What calibration found, for the model's file. */
typedef struct calibrated {
    float *scores; /* ascending */
    double scale;  /* of heat maps; 0: none */
    run_refined refined;
    float packed[REFINE_COMPONENTS_MAX * REFINE_VALUES]; /* of the refinement that the model's score is made by */
    ensemble_packed scales;                              /* of its members */
} calibrated;

/* The bundle borrows what is packed until it is written. */
static void put_refinement(const run *r, calibrated *c, bundle *b)
{
    if (r->state->refine == REFINE_NONE)
        return;
    const refinement *chosen = &c->refined.of[r->state->refine];
    refine_pack(chosen, c->packed);
    bundle_put_tensor(b, "refinement", (shape){1, 1, chosen->count, REFINE_VALUES}, c->packed);
}

static bool write_model(const run *r, calibrated *c, train_result *out, error *e)
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
    if (c->scale > 0)
        bundle_put_number(b, "explain.scale", c->scale);
    ensemble_write(r, b, c->scales);
    if (out->calibration_count)
        bundle_put_tensor(b, "calibration", (shape){1, 1, 1, (int)out->calibration_count}, c->scores);
    put_refinement(r, c, b);
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
    run_begin_scoring(r, r->split.calibration_count + r->split.test_count);
    *out = (train_result){.auroc = {NAN, NAN, NAN, NAN}, .average_precision = NAN};
    out->train_count = r->split.train_count;
    out->validation_count = r->split.validation_count;
    out->calibration_count = r->split.calibration_count;
    out->left_out_count = r->split.left_out_count;
    memcpy(out->training_digest, r->training_digest, sizeof out->training_digest);
    out->epochs = run_epochs(r);
    out->chosen_epoch = chosen_epoch;
    out->train_s = r->train_s;
    out->parameters = ensemble_parameters(r);
    ensemble_digest(r, out->weights_digest);
    out->blas_kernel = blas_kernel();
    out->threads = team_threads(r->team);
    calibrated c = {.scores = malloc((out->calibration_count + 1) * sizeof *c.scores)};
    if (!c.scores)
        return error_memory(e, "calibration scores");
    bool ok = calibrate(r, c.scores, &c.scale, &c.refined, e) && run_test(r, &c.refined, out, e) &&
              write_model(r, &c, out, e);
    free(c.scores);
    if (ok)
        checkpoint_remove(r);
    return ok;
}
