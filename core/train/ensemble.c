/* SPDX-License-Identifier: MIT */
/* ensemble.c — see ensemble.h. */
#include "train/ensemble.h"

#include "base/digest.h"
#include "train/checkpoint.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t ensemble_seed(uint64_t seed, int index)
{
    uint32_t words[4];
    if (index == 0)
        return seed;
    random_block(random_stream(seed, "member"), (uint64_t)index, 0, words);
    return (uint64_t)words[0] << 32 | words[1];
}

/* ---- keeping members */

/* The next of the kept ones, from weights whose names begin with `prefix`. */
static bool keep(run *r, const bundle *weights, const char *prefix, int chosen_epoch, error *e)
{
    assert(r->done_count < r->members);
    member *m = &r->done[r->done_count++];
    void *self = run_options(r, e);
    char own[MEMBER_PREFIX_MAX];
    const member_setup setup = {.method = r->method,
                                .input = r->input,
                                .batches = run_batches,
                                .variants = true,
                                .team = r->team,
                                .weights = weights,
                                .prefix = prefix};
    *m = (member){0};
    if (!self || !member_open(m, self, &setup, e))
        return false;
    member_prefix(r->done_count - 1, r->members, own);
    model_set_prefix(m->model, own);
    m->chosen_epoch = chosen_epoch;
    return true;
}

bool ensemble_retire(run *r, int chosen_epoch, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a member's weights");
    model_write(r->model, b, MODEL_WEIGHTS);
    bool ok = keep(r, b, "", chosen_epoch, e);
    bundle_free(b);
    return ok || error_at(e, "member %d of %d", r->done_count, r->members);
}

void ensemble_free(run *r)
{
    for (int m = 0; m < r->done_count; m++)
        member_close(&r->done[m], r->method);
    r->done_count = 0;
}

size_t ensemble_bytes(const run *r)
{
    if (r->members == 1)
        return 0;
    size_t scores = 1 + evaluator_variant_count(r->evaluator);
    size_t each = model_weights_bytes(r->model) + evaluator_bytes(r->evaluator) +
                  scores * (r->split.calibration_count + evaluator_rows(r->evaluator)) * sizeof(float);
    return (size_t)r->members * each;
}

/* ---- joining them */

/* Scores of held-out normals: `scores` lists a member, the own first. */
typedef struct held_out {
    int scores;
    size_t n;
    float *all;
} held_out;

static float *list_of(const held_out *h, int index, int score)
{
    return h->all + (size_t)(index * h->scores + score) * h->n;
}

static bool score_members(run *r, const held_out *h, error *e)
{
    for (int m = 0; m < r->members; m++) {
        float *variants[REFINE_COMPONENTS_MAX];
        for (int k = 1; k < h->scores; k++)
            variants[k - 1] = list_of(h, m, k);
        const scored_rows out = {.score = list_of(h, m, 0), .variants = variants};
        if (!run_score(r, r->done[m].evaluator, r->split.calibration, h->n, &out, NULL, e))
            return error_at(e, "member %d of %d", m + 1, r->members);
    }
    return true;
}

/* A variant that has no scale is not the score: it has no mean, and the run is none the worse. */
static bool fit_scales(run *r, const held_out *h, error *e)
{
    for (int k = 0; k < h->scores; k++) {
        const float *members[MEMBERS_MAX];
        for (int m = 0; m < r->members; m++)
            members[m] = list_of(h, m, k);
        bool fits = refine_fit(members, r->members, NULL, h->n, &r->scales.of[k], k == 0 ? e : NULL);
        if (!fits && k == 0)
            return false;
        if (!fits)
            r->scales.of[k].count = 0;
    }
    return true;
}

bool ensemble_join(run *r, error *e)
{
    evaluator *members[MEMBERS_MAX];
    held_out h = {.scores = 1 + (int)evaluator_variant_count(r->evaluator), .n = r->split.calibration_count};
    assert(r->done_count == r->members);
    r->parameters = model_parameters(r->model);
    run_take_down_nets(r);
    r->self = r->state = run_options(r, e); /* what the run is described by */
    if (!r->self)
        return false;
    h.all = malloc((size_t)(r->members * h.scores) * h.n * sizeof *h.all);
    bool ok = h.all ? score_members(r, &h, e) && fit_scales(r, &h, e) : error_memory(e, "members' scores");
    free(h.all);
    if (!ok)
        return error_at(e, "members");
    for (int m = 0; m < r->members; m++)
        members[m] = r->done[m].evaluator;
    r->evaluator = evaluator_join(members, r->members, &r->scales, e);
    return r->evaluator != NULL;
}

/* ---- what was learned */

size_t ensemble_parameters(const run *r)
{
    return r->members > 1 ? (size_t)r->members * r->parameters : model_parameters(r->model);
}

void ensemble_digest(const run *r, char out[65])
{
    char all[MEMBERS_MAX * 64 + 1];
    if (r->members == 1) {
        model_digest(r->model, out);
        return;
    }
    for (int m = 0; m < r->done_count; m++)
        model_digest(r->done[m].model, all + (size_t)m * 64);
    digest_sha256_hex(all, (size_t)r->done_count * 64, out);
}

static void chosen_key(int index, char out[32])
{
    snprintf(out, 32, "member%d.chosen_epoch", index + 1);
}

static void put_members(const run *r, bundle *b)
{
    for (int m = 0; m < r->done_count; m++) {
        char key[32];
        chosen_key(m, key);
        bundle_put_number(b, key, r->done[m].chosen_epoch);
        model_write(r->done[m].model, b, MODEL_WEIGHTS);
    }
}

void ensemble_write(const run *r, bundle *b, ensemble_packed packed)
{
    if (r->members == 1) {
        model_write(r->model, b, MODEL_WEIGHTS);
        return;
    }
    int scores = 1 + (int)evaluator_variant_count(r->evaluator);
    put_members(r, b);
    joint_pack(&r->scales, scores, r->members, packed);
    bundle_put_tensor(b, "members", (shape){1, scores, r->members, REFINE_VALUES}, packed);
}

/* ---- checkpoints */

void ensemble_put(const run *r, bundle *b)
{
    if (r->members == 1)
        return;
    bundle_put_number(b, "members.done", r->done_count);
    put_members(r, b);
}

bool ensemble_get(run *r, const bundle *b, error *e)
{
    uint64_t count = 0;
    if (r->members > 1 && !bundle_get_whole(b, "members.done", (uint64_t)r->members - 1, &count, e))
        return false;
    for (uint64_t m = 0; m < count; m++) {
        char key[32], prefix[MEMBER_PREFIX_MAX];
        uint64_t chosen;
        chosen_key((int)m, key);
        member_prefix((int)m, r->members, prefix);
        if (!bundle_get_whole(b, key, (uint64_t)r->state->epochs, &chosen, e) || !keep(r, b, prefix, (int)chosen, e))
            return error_at(e, "member %d", (int)m + 1);
    }
    return count == 0 || run_begin(r, (int)count, e);
}
