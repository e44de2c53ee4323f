/* SPDX-License-Identifier: MIT */
/* test.c — the one test of a finished run: its figures, and those of every score that comes with it. */
#include "base/clock.h"
#include "train/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The method's own score, of a run whose score is a refined one. */
static const char plain_name[] = "plain";

bool run_refine(const run *r, const score_set *held_out, run_refined *out, error *e)
{
    for (int kind = REFINE_NONE + 1; kind < REFININGS; kind++) {
        out->there[kind] = scores_fit(held_out, (enum refining)kind, &out->of[kind], e);
        if (!out->there[kind] && kind == r->state->refine)
            return false;
    }
    return true;
}

/* AUROC and average precision of the run's score, its ROC curve and its histogram. */
static bool measure(const run *r, const float *scores, train_result *out, error *e)
{
    const uint8_t *anomalous = r->split.anomalous;
    size_t n = r->split.test_count;
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
    size_t n = r->split.test_count;
    out->auroc = (auroc){NAN, NAN, NAN, NAN};
    out->average_precision = NAN;
    if (metric_auroc(scores, r->split.anomalous, n, &out->auroc, &reason) &&
        metric_average_precision(scores, r->split.anomalous, n, &out->average_precision, &reason))
        return true;
    if (reason.code == ERROR_DIVERGED)
        return true;
    *e = reason;
    return false;
}

/* The next of the result's scores. */
static bool add_score(const run *r, const char *name, const float *scores, train_result *out, error *e)
{
    assert(out->score_count < TRAIN_SCORES_MAX);
    train_score *s = &out->scores[out->score_count++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return measure_variant(r, scores, s, e) || error_at(e, "score %s", s->name);
}

/* The method's variants, and what refining makes of them; its own score too, where that is not the run's. */
static bool measure_scores(const run *r, const score_set *found, const run_refined *refined, train_result *out,
                           error *e)
{
    bool ok = true;
    float *made = malloc(found->n * sizeof *made);
    if (!made)
        return error_memory(e, "refined scores");
    for (int k = 0; ok && k < found->variant_count; k++)
        ok = add_score(r, evaluator_variant_name(r->evaluator, (size_t)k), found->variants[k], out, e);
    if (ok && r->state->refine != REFINE_NONE)
        ok = add_score(r, plain_name, found->own, out, e);
    for (int kind = REFINE_NONE + 1; ok && kind < REFININGS; kind++) {
        bool same = !scores_fuse(found) && kind != REFINE_COMPLEXITY;
        if (same || !refined->there[kind])
            continue;
        scores_refine(found, (enum refining)kind, &refined->of[kind], found->n, made);
        ok = add_score(r, refining_choices[kind], made, out, e);
    }
    free(made);
    return ok;
}

static bool tell_test(const run *r, const float *scores, error *e)
{
    if (!r->watch || !r->watch->tested)
        return true;
    train_test t = {.scores = scores, .anomalous = r->split.anomalous, .count = r->split.test_count};
    split_test_digest(&r->split, dataset_facts(r->data), t.images);
    return r->watch->tested(r->watch->context, &t, e);
}

bool run_test(run *r, const run_refined *refined, train_result *out, error *e)
{
    score_set found;
    size_t n = r->split.test_count;
    if (n == 0)
        return true;
    float *own = malloc(n * sizeof *own); /* the scores that the model will give */
    bool ok = scores_start(&found, r->evaluator, n, e) && (own || error_memory(e, "test scores"));
    double start = clock_now_s();
    ok = ok && run_score(r, r->evaluator, r->split.test, n,
                         &(scored_rows){.score = found.own, .variants = found.variants}, found.complexity, e);
    out->score_s = clock_now_s() - start;
    if (ok)
        scores_refine(&found, (enum refining)r->state->refine, &refined->of[r->state->refine], n, own);
    ok = ok && measure(r, own, out, e) && measure_scores(r, &found, refined, out, e) && tell_test(r, own, e);
    free(own);
    scores_free(&found);
    return ok || error_at(e, "test");
}
