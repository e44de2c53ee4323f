/* SPDX-License-Identifier: MIT */
/* calibration.c — see calibration.h. */
#include "train/calibration.h"

#include "train/explain.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Adds the errors of n images and their reconstructions to the tally. */
static void count_errors(const preparation *p, const float *x, const float *x_hat, size_t n, float *errors,
                         explain_tally *tally)
{
    size_t row = shape_row(p->input), pixels = (size_t)p->data.h * (size_t)p->data.w;
    for (size_t i = 0; i < n; i++) {
        explain_pair pair = {p->method, x + i * row, x_hat + i * row, p->input, p->data};
        explain_errors(&pair, errors, errors + pixels);
        explain_count(tally, errors, pixels);
    }
}

/* Scores the calibration images, a window at a time, and finds the scale of their heat maps. */
static bool score_and_scale(scoring *s, score_set *found, double *scale, error *e)
{
    const train_context *c = s->context;
    const uint32_t *indices = c->split.calibration;
    size_t row = shape_row(c->images.input), max = scoring_window(c, s->by);
    float *x = malloc(2 * max * row * sizeof *x), *x_hat = x ? x + max * row : NULL;
    float *errors =
        malloc((shape_row(c->images.data) + explain_work(c->images.input, c->images.data)) * sizeof *errors);
    explain_tally *tally = calloc(1, sizeof *tally);
    bool ok = (x && errors && tally) || error_memory(e, "calibration images");
    for (size_t first = 0; ok && first < found->n; first += max) {
        size_t count = found->n - first < max ? found->n - first : max;
        float *variants[REFINE_COMPONENTS_MAX];
        for (int k = 0; k < found->variant_count; k++)
            variants[k] = found->variants[k] + first;
        scored_rows out = {.score = found->own + first, .variants = variants, .reconstruction = x_hat};
        ok = scoring_images(s, indices + first, count, &out, found->complexity + first, e) &&
             context_prepare(c, indices + first, count, x, e);
        if (ok)
            count_errors(&c->images, x, x_hat, count, errors, tally);
    }
    if (ok)
        *scale = explain_scale(tally);
    free(tally);
    free(errors);
    free(x);
    return ok;
}

static bool fit_refinements(calibration *k, const score_set *held_out, int wanted, error *e)
{
    for (int kind = REFINE_NONE + 1; kind < REFININGS; kind++) {
        k->fits[kind] = scores_fit(held_out, (enum refining)kind, &k->refined[kind], e);
        if (!k->fits[kind] && kind == wanted)
            return false;
    }
    return true;
}

bool calibration_make(calibration *k, scoring *s, error *e)
{
    const train_context *c = s->context;
    const int kind = c->settings->refine;
    size_t n = c->split.calibration_count;
    score_set found;
    *k = (calibration){.count = n};
    if (n == 0)
        return true;
    bool ok = scores_init(&found, s->by, n, e);
    if (ok && evaluator_reconstructs(s->by))
        ok = score_and_scale(s, &found, &k->error_scale, e);
    else if (ok)
        ok = scoring_set(s, c->split.calibration, &found, e);
    ok = ok && fit_refinements(k, &found, kind, e);
    if (ok && !(k->scores = malloc(n * sizeof *k->scores)))
        ok = error_memory(e, "scores");
    if (ok) {
        scores_refine(&found, (enum refining)kind, &k->refined[kind], n, k->scores);
        qsort(k->scores, n, sizeof *k->scores, ascending);
    }
    scores_free(&found);
    return ok || error_at(e, "calibration");
}

void calibration_free(calibration *k)
{
    free(k->scores);
}
