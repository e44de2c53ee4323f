/* SPDX-License-Identifier: MIT */
/* ensemble.c — see ensemble.h. */
#include "train/ensemble.h"

#include "base/digest.h"

#include <assert.h>
#include <stdio.h>

ensemble ensemble_of(learner *l)
{
    return (ensemble){.context = l->context, .learner = l};
}

void ensemble_free(ensemble *n)
{
    evaluator_free(n->joined);
    for (int m = 0; m < n->count; m++)
        member_free(&n->kept[m], n->context->method);
    n->count = 0;
}

static bool is_alone(const ensemble *n)
{
    return n->context->members == 1;
}

/* ---- keeping members */

/* Keeps one more, from weights whose names begin with `prefix`. */
static bool keep(ensemble *n, const bundle *weights, const char *prefix, int chosen_epoch, error *e)
{
    const train_context *c = n->context;
    assert(n->count < c->members);
    member *m = &n->kept[n->count++];
    char own[MEMBER_PREFIX_MAX];
    const member_setup setup = {.method = c->method,
                                .input = c->images.input,
                                .batches = context_batches,
                                .variants = true,
                                .team = c->team,
                                .weights = weights,
                                .prefix = prefix};
    if (!member_open(m, method_state_copy(c->method, c->options, e), &setup, e))
        return false;
    member_prefix(n->count - 1, c->members, own);
    model_set_prefix(m->model, own);
    m->chosen_epoch = chosen_epoch;
    return true;
}

/* Keeps what the member under way has learned. */
static bool keep_learned(ensemble *n, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a member's weights");
    model_write(n->learner->model, b, MODEL_WEIGHTS);
    bool ok = keep(n, b, "", learner_chosen_epoch(n->learner), e);
    bundle_free(b);
    return ok || error_at(e, "member %d of %d", n->count, n->context->members);
}

size_t ensemble_bytes(const ensemble *n)
{
    if (is_alone(n))
        return 0;
    const learner *l = n->learner;
    size_t scores = 1 + evaluator_variant_count(l->evaluator);
    size_t each = model_weights_bytes(l->model) + evaluator_bytes(l->evaluator) +
                  scores * (n->context->split.calibration_count + evaluator_rows(l->evaluator)) * sizeof(float);
    return (size_t)n->context->members * each;
}

/* ---- joining them */

/* Scores the calibration images by each member. */
static bool score_members(const ensemble *n, score_set sets[MEMBERS_MAX], error *e)
{
    const struct split *split = &n->context->split;
    for (int m = 0; m < n->count; m++) {
        scoring s = scoring_by(n->context, n->kept[m].evaluator);
        if (!scores_init(&sets[m], s.by, split->calibration_count, e) ||
            !scoring_set(&s, split->calibration, &sets[m], e))
            return error_at(e, "member %d of %d", m + 1, n->count);
    }
    return true;
}

/* Only the own score needs a scale. A variant without one gets no mean, and the run goes on. */
static bool fit_scales(ensemble *n, const score_set sets[MEMBERS_MAX], error *e)
{
    for (int k = 0; k <= sets[0].variant_count; k++) {
        const float *members[MEMBERS_MAX];
        for (int m = 0; m < n->count; m++)
            members[m] = k ? sets[m].variants[k - 1] : sets[m].own;
        bool fits = refine_fit(members, n->count, NULL, sets[0].n, &n->scales.of[k], k == 0 ? e : NULL);
        if (!fits && k == 0)
            return false;
        if (!fits)
            n->scales.of[k].count = 0;
    }
    return true;
}

/* When all have learned: ends the learner, finds the scales of all on the calibration images, and joins them. */
static bool join(ensemble *n, error *e)
{
    evaluator *members[MEMBERS_MAX];
    score_set sets[MEMBERS_MAX] = {0};
    assert(n->count == n->context->members);
    n->parameters = model_parameters(n->learner->model);
    learner_end(n->learner);
    bool ok = score_members(n, sets, e) && fit_scales(n, sets, e);
    for (int m = 0; m < n->count; m++) {
        members[m] = n->kept[m].evaluator;
        scores_free(&sets[m]);
    }
    if (!ok)
        return error_at(e, "members");
    n->joined = evaluator_join(members, n->count, &n->scales, e);
    return n->joined != NULL;
}

bool ensemble_learn(ensemble *n, checkpoint *c, error *e)
{
    if (is_alone(n))
        return learner_learn(n->learner, c, e);
    for (;;) {
        if (!learner_learn(n->learner, c, e) || !keep_learned(n, e))
            return false;
        if (n->count == n->context->members)
            return join(n, e);
        if (!learner_begin(n->learner, n->count, e))
            return false;
    }
}

/* ---- what was learned */

evaluator *ensemble_evaluator(const ensemble *n)
{
    return is_alone(n) ? n->learner->evaluator : n->joined;
}

int ensemble_chosen_epoch(const ensemble *n)
{
    return is_alone(n) ? learner_chosen_epoch(n->learner) : n->kept[0].chosen_epoch;
}

size_t ensemble_parameters(const ensemble *n)
{
    return is_alone(n) ? model_parameters(n->learner->model) : (size_t)n->count * n->parameters;
}

void ensemble_digest(const ensemble *n, char out[65])
{
    char all[MEMBERS_MAX * 64 + 1];
    if (is_alone(n)) {
        model_digest(n->learner->model, out);
        return;
    }
    for (int m = 0; m < n->count; m++)
        model_digest(n->kept[m].model, all + (size_t)m * 64);
    digest_sha256_hex(all, (size_t)n->count * 64, out);
}

static void chosen_key(int index, char out[32])
{
    snprintf(out, 32, "member%d.chosen_epoch", index + 1);
}

static void put_members(const ensemble *n, bundle *b)
{
    for (int m = 0; m < n->count; m++) {
        char key[32];
        chosen_key(m, key);
        bundle_put_number(b, key, n->kept[m].chosen_epoch);
        model_write(n->kept[m].model, b, MODEL_WEIGHTS);
    }
}

void ensemble_write(const ensemble *n, bundle *b, header *h)
{
    h->members = n->context->members;
    if (is_alone(n)) {
        model_write(n->learner->model, b, MODEL_WEIGHTS);
        return;
    }
    put_members(n, b);
    h->scales = n->scales;
    h->score_count = 1 + (int)evaluator_variant_count(n->joined);
}

/* ---- checkpoints */

void ensemble_put(const void *of, bundle *b)
{
    const ensemble *n = of;
    if (is_alone(n))
        return;
    bundle_put_number(b, "members.done", n->count);
    put_members(n, b);
}

bool ensemble_get(void *of, const bundle *b, error *e)
{
    ensemble *n = of;
    const train_context *c = n->context;
    uint64_t count = 0;
    if (!is_alone(n) && !bundle_get_whole(b, "members.done", (uint64_t)c->members - 1, &count, e))
        return false;
    for (uint64_t m = 0; m < count; m++) {
        char key[32], prefix[MEMBER_PREFIX_MAX];
        uint64_t chosen;
        chosen_key((int)m, key);
        member_prefix((int)m, c->members, prefix);
        if (!bundle_get_whole(b, key, (uint64_t)c->settings->epochs, &chosen, e) || !keep(n, b, prefix, (int)chosen, e))
            return error_at(e, "member %d", (int)m + 1);
    }
    return count == 0 || learner_begin(n->learner, (int)count, e);
}
