/* SPDX-License-Identifier: MIT */
/* test.c — the one test of a finished run: its figures, and those of every score that comes with it. */
#include "train/test.h"

#include "base/clock.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The method's own score, of a run whose score is a refined one. */
static const char plain_name[] = "plain";

/* AUROC and average precision of the run's score, its ROC curve and its histogram. */
static bool measure(const train_context *c, const float *scores, train_result *out, error *e)
{
    const uint8_t *anomalous = c->split.anomalous;
    size_t n = c->split.test_count;
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

/* A variant with a score that is not finite gets no figures; the run does not fail, for it is not the run's score. */
static bool measure_variant(const train_context *c, const float *scores, train_score *out, error *e)
{
    error reason;
    size_t n = c->split.test_count;
    out->auroc = (auroc){NAN, NAN, NAN, NAN};
    out->average_precision = NAN;
    if (metric_auroc(scores, c->split.anomalous, n, &out->auroc, &reason) &&
        metric_average_precision(scores, c->split.anomalous, n, &out->average_precision, &reason))
        return true;
    if (reason.code == ERROR_DIVERGED)
        return true;
    *e = reason;
    return false;
}

/* The next of the result's scores. */
static bool add_score(const train_context *c, const char *name, const float *scores, train_result *out, error *e)
{
    assert(out->score_count < TRAIN_SCORES_MAX);
    train_score *s = &out->scores[out->score_count++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return measure_variant(c, scores, s, e) || error_at(e, "score %s", s->name);
}

/* The method's variants, and what refining makes of them; its own score too, where that is not the run's. */
static bool measure_scores(const scoring *s, const score_set *found, const calibration *k, train_result *out, error *e)
{
    const train_context *c = s->context;
    bool ok = true;
    float *made = malloc(found->n * sizeof *made);
    if (!made)
        return error_memory(e, "refined scores");
    for (int i = 0; ok && i < found->variant_count; i++)
        ok = add_score(c, evaluator_variant_name(s->by, (size_t)i), found->variants[i], out, e);
    if (ok && c->settings->refine != REFINE_NONE)
        ok = add_score(c, plain_name, found->own, out, e);
    for (int kind = REFINE_NONE + 1; ok && kind < REFININGS; kind++) {
        bool same = !scores_fuse(found) && kind != REFINE_COMPLEXITY;
        if (same || !k->fits[kind])
            continue;
        scores_refine(found, (enum refining)kind, &k->refined[kind], found->n, made);
        ok = add_score(c, refining_choices[kind], made, out, e);
    }
    free(made);
    return ok;
}

static bool tell_test(const train_context *c, const float *scores, error *e)
{
    if (!c->watch || !c->watch->tested)
        return true;
    train_test t = {.scores = scores, .anomalous = c->split.anomalous, .count = c->split.test_count};
    split_test_digest(&c->split, c->info, t.images);
    return c->watch->tested(c->watch->context, &t, e);
}

bool test_measure(scoring *s, const calibration *k, train_result *out, error *e)
{
    score_set found;
    const train_context *c = s->context;
    const int kind = c->settings->refine;
    size_t n = c->split.test_count;
    if (n == 0)
        return true;
    float *own = malloc(n * sizeof *own); /* the scores that the model will give */
    bool ok = scores_init(&found, s->by, n, e) && (own || error_memory(e, "test scores"));
    double start_s = clock_now_s();
    ok = ok && scoring_set(s, c->split.test, &found, e);
    out->score_s = clock_now_s() - start_s;
    if (ok)
        scores_refine(&found, (enum refining)kind, &k->refined[kind], n, own);
    ok = ok && measure(c, own, out, e) && measure_scores(s, &found, k, out, e) && tell_test(c, own, e);
    free(own);
    scores_free(&found);
    return ok || error_at(e, "test");
}
